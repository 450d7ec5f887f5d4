import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from webhook.image.reference import (
    InvalidReference,
    Reference,
    default_pull_policy,
    is_domain,
    is_identifier,
    parse_digest,
)

MIB = 1 << 20
HEX = "0123456789abcdef" * 4


@pytest.mark.vectors("references", "cases")
def test_kubelet_grammar(case):
    if not case["valid"]:
        with pytest.raises(InvalidReference) as caught:
            Reference.parse(case["input"])
        assert str(caught.value) == case["error"]
        return
    reference = Reference.parse(case["input"])
    kubelet = case["kubelet"]
    assert reference.name == kubelet["repo"] == case["name"]
    assert (reference.tag or "", reference.digest or "") == (kubelet["tag"], kubelet["digest"])
    if case["domain"]:
        assert (reference.registry, reference.repository) == (case["domain"], case["path"])


@pytest.mark.vectors("references", "cases")
def test_what_containerd_resolves(case):
    if case["valid"]:
        reference = Reference.parse(case["input"])
        separator = "@" if reference.digest else ":"
        assert f"{reference.name}{separator}{reference.identifier}" == case["cri_ref"]


@pytest.mark.vectors("references", "cases")
def test_default_pull_policy(case):
    assert default_pull_policy(case["input"]) == case["kubelet"]["default_pull_policy"]


@pytest.mark.vectors("go", "references")
def test_as_go_answers(case):
    if "error" in case:
        with pytest.raises(InvalidReference) as caught:
            Reference.parse(case["input"])
        assert str(caught.value) == case["error"]
        return
    reference = Reference.parse(case["input"])
    tag = case["tag"] or ("" if case["digest"] else "latest")
    assert (reference.name, reference.tag or "", reference.digest or "") == (case["name"], tag, case["digest"])
    assert f"{reference.name}{'@' if reference.digest else ':'}{reference.identifier}" == case["cri_ref"]


@pytest.mark.vectors("references", "domain_regexp", "cases")
def test_domain(case):
    assert is_domain(case["input"]) is case["match"]


@pytest.mark.vectors("references", "identifier_regexp", "cases")
def test_identifier(case):
    assert is_identifier(case["input"]) is case["match"]


def test_host_with_underscore_is_what_containerd_asks():
    reference = Reference.parse("registry_with_underscore.example.com/team/app:1")
    assert (reference.registry, reference.repository) == ("registry_with_underscore.example.com", "team/app")


def test_host_with_underscore_counts_as_path():
    host = "under_score.example.com"
    longest = "a" * (255 - len(host) - 1)
    assert Reference.parse(f"{host}/{longest}").repository == longest
    with pytest.raises(InvalidReference, match="more than 255 characters"):
        Reference.parse(f"{host}/{longest}a")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("A_b.example/x", "repository name must be lowercase"),
        ("\u212a.io/x", "repository name must be lowercase"),
        ("\u0130.io/x", "repository name must be lowercase"),
        ("x:\u212a", "repository name must be lowercase"),
        ("a-_b.io/x", "invalid reference format"),
        ("x:" + "a" * 129, "invalid reference format"),
        ("x:1@MD5:" + HEX, "invalid checksum digest format"),
        ("x@MD5:" + HEX, "invalid reference format: repository name (library/x@MD5) must be lowercase"),
        ("x@sha384:" + HEX, "invalid checksum digest length"),
        ("x@sha256:" + HEX + "@sha256:" + HEX, "invalid reference format"),
        ("x\n", "invalid reference format"),
        ("x:1\n", "invalid reference format"),
        (HEX, f"invalid repository name ({HEX}), cannot specify 64-byte hexadecimal strings"),
    ],
)
def test_error_texts_as_the_kubelet_words_them(text, error):
    with pytest.raises(InvalidReference) as caught:
        Reference.parse(text)
    assert str(caught.value) == error


@pytest.mark.parametrize("text", ["", ":", "sha256", "sha256:", ":abc"])
def test_no_digest(text):
    with pytest.raises(InvalidReference, match="invalid checksum digest format"):
        parse_digest(text)


@pytest.mark.parametrize(
    ("text", "loopback"),
    [
        ("localhost/x", True),
        ("LOCALHOST:5000/x", True),
        ("registry.localhost:5000/x", True),
        ("127.0.0.1:5000/x", True),
        ("127.8.9.10/x", True),
        ("[::1]:5000/x", True),
        ("[::ffff:7f00:1]/x", True),
        ("0.0.0.0:5000/x", True),
        ("[::]/x", True),
        ("localhost:5000", False),  # an image called localhost on Docker Hub
        ("localhost.example.com/x", False),
        ("10.0.0.1:5000/x", False),
        ("[fc00::1]:5000/x", False),
        ("[::::]/x", False),
        ("nginx", False),
    ],
)
def test_loopback(text, loopback):
    assert Reference.parse(text).loopback is loopback


def test_without_digest_keeps_the_tag():
    both = Reference.parse(f"quay.io/org/app:1@sha256:{HEX}")
    assert both.identifier == f"sha256:{HEX}"
    assert str(both.without_digest()) == "quay.io/org/app:1"
    assert str(Reference.parse(f"nginx@sha256:{HEX}").without_digest()) == "docker.io/library/nginx:latest"


_component = st.from_regex(r"[a-z0-9]{1,3}((\.|__|_|-{1,3})[a-z0-9]{1,3}){0,2}", fullmatch=True)
_path = st.lists(_component, min_size=1, max_size=4).map("/".join)
_domain = st.one_of(
    st.just(""),
    st.from_regex(r"[a-zA-Z0-9]{1,3}(-+[a-zA-Z0-9]{1,2})?(\.[a-zA-Z0-9_]{1,3}){0,2}(:[0-9]{1,5})?/", fullmatch=True),
    st.sampled_from(["localhost/", "docker.io/", "index.docker.io/", "[::1]/", "[fe80::1]:5000/"]),
)
_tag = st.from_regex(r"(:[\w][\w.-]{0,5})?", fullmatch=True)
_digest = st.sampled_from(["", f"@sha256:{HEX}", f"@sha384:{HEX}{HEX[:32]}", f"@sha512:{HEX}{HEX}"])
likely = st.builds("{}{}{}{}".format, _domain, _path, _tag, _digest)
noise = st.text(alphabet="aZ0._-:/@[]% \n\u212a\u0130é", max_size=20)


@given(st.one_of(likely, noise, st.text(max_size=30)))
@example("")
def test_parse_of_str_is_the_same_reference(text):
    try:
        reference = Reference.parse(text)
    except InvalidReference:
        return
    assert Reference.parse(str(reference)) == reference
    assert reference.tag or reference.digest
    assert reference.registry
    assert reference.repository


@given(likely)
def test_policy_is_always_only_for_latest(text):
    assert default_pull_policy(text) in {"Always", "IfNotPresent"}


HOSTILE = [
    "a" * MIB,
    "a." * (MIB // 2),
    "a-" * (MIB // 2),
    "a_" * (MIB // 2),
    "a/" * (MIB // 2),
    "-" * MIB,
    "A" * MIB,
    "a" + "-" * MIB,
    "a.b/" + "a-" * (MIB // 2),
    "a." * (MIB // 2) + "/x",
    "a." * (MIB // 2) + "a/x",
    "[" + ":" * MIB + "]/x",
    "x:" + "a" * MIB,
    "x@" + "a+" * (MIB // 2),
    "x@a:" + "f" * MIB,
    "x@sha256:" + "f" * MIB,
    ":" * MIB,
    "@" * MIB,
    "\u0130" * (MIB // 2),
]


def test_hostile_text_is_read_in_linear_time():
    """A mebibyte each; a quadratic pattern would need hours, and a test has minutes."""
    for text in HOSTILE:
        try:
            Reference.parse(text)
        except InvalidReference:
            continue
