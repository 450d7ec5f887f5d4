import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.credentials.pattern import normalise_key, on_docker_hub, url_match, without_user

MIB = 1 << 20


@pytest.mark.vectors("keyring", "url_match")
def test_url_match(case):
    assert url_match(case["glob"], case["target"]) is case["match"]


@pytest.mark.vectors("keyring", "key_normalisation")
def test_key_normalisation(case):
    assert normalise_key(case["key"]) == case["normalised"]


@pytest.mark.vectors("go", "keys")
def test_keys_as_go_files_them(case):
    assert normalise_key(case["key"]) == case["normalised"]


@pytest.mark.vectors("go", "globs")
def test_globs_as_go_matches_them(case):
    assert url_match(case["glob"], case["target"]) is case["match"]


@pytest.mark.vectors("keyring", "default_registry")
def test_default_registry(case):
    assert on_docker_hub(case["lookup"]) is case["default_registry"]


@pytest.mark.parametrize(
    ("glob", "fits"),
    [
        ("a*c.io", True),
        ("*a*b*c*.io", True),
        ("abc*abc.io", False),
        ("a**c.io", True),
        ("a*b*b*c.io", False),
        ("*", False),
        ("abc.io/x", True),
        ("abc.io/x/", False),
        ("user@abc.io", True),
        ("a[b]c.io", False),
        ("abc.io:", True),
    ],
)
def test_globs(glob, fits):
    assert url_match(glob, "abc.io/x") is fits


@pytest.mark.parametrize(
    ("key", "normalised"),
    [
        ("[fe80::1%25eth0]:5000", "[fe80::1%eth0]:5000"),
        ("[fe80::1%25]", None),
        ("[fe80::1%25a%20b]", "[fe80::1%a b]"),
        ("[fe80::1%25a%00b]", None),
        ("[::ffff:1.2.3.4]", "[::ffff:1.2.3.4]"),
        ("[1.2.3.4]", None),
        ("[::1", None),
        ("a[::1]", None),
        ("[::1]x", None),
        ("a:1:2", None),
        ("a%zz.io", None),
        ("a%41.io", None),
        ("b%C3%BC.io", "bü.io"),
        ("a.io/%", None),
        ("a.io#%zz", None),
        ("a.io?%zz", "a.io"),
        ("us er@a.io", None),
        ("us%zz@a.io", None),
        ("a.io\n", None),
        ("a|b.io", None),
        ("bücher.io", "bücher.io"),
        ("", ""),
    ],
)
def test_urls_as_go_parses_them(key, normalised):
    assert normalise_key(key) == normalised


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("https://bob:secret@quay.io/v2/", "https://quay.io/v2/"),
        ("bob:secret@quay.io", "quay.io"),
        ("quay.io/a@b", "quay.io/a@b"),
        ("quay.io", "quay.io"),
        ("bob:s@cret@quay.io/x", "quay.io/x"),
    ],
)
def test_logins_in_hosts_are_not_shown(host, shown):
    assert without_user(host) == shown


keys = st.text(alphabet="aB0.*:/@%[]#?é \\-_", max_size=16)


@given(keys, keys)
def test_total(glob, target):
    """Whatever is written, the answer is yes or no; a key normalised is text or nothing."""
    assert url_match(glob, target) in {True, False}
    assert normalise_key(glob) is None or isinstance(normalise_key(glob), str)


@given(st.from_regex(r"[a-z0-9]{1,4}(\.[a-z0-9]{1,4}){0,3}(:[0-9]{1,4})?(/[a-z0-9]{1,4}){0,2}", fullmatch=True))
def test_every_name_fits_itself(name):
    assert url_match(name, name)


def test_hostile_globs_are_matched_in_linear_time():
    for glob, target in [
        ("*a" * (MIB // 2), "a" * MIB),
        ("*a" * 1000 + "b", "a" * MIB),
        ("." * MIB, "." * MIB),
        ("%" * MIB, "a"),
        ("%41" * (MIB // 3), "a"),
        ("a/" + "%41" * (MIB // 3), "a"),
        ("@" * MIB, "a"),
        ("[" + ":" * MIB + "]", "a"),
        (":" * MIB, ":" * MIB),
    ]:
        url_match(glob, f"{target}.io/x")
