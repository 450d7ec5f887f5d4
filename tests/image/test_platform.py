from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.image.platform import InvalidPlatform, Platform


def platform(spec):
    return Platform(
        os=spec.get("os", ""),
        architecture=spec.get("architecture", ""),
        variant=spec.get("variant", ""),
        os_version=spec.get("os.version", ""),
        os_features=tuple(spec.get("os.features", ())),
    )


@pytest.mark.vectors("platforms", "parse")
def test_parse(case):
    if not case["valid"]:
        with pytest.raises(InvalidPlatform):
            Platform.parse(case["input"])
        return
    parsed = Platform.parse(case["input"])
    assert parsed == platform(case["expected"])
    assert parsed.normalised() == platform(case["normalized"])
    assert (str(parsed), parsed.full) == (case["format"], case["format_all"])


@pytest.mark.vectors("platforms", "normalize")
def test_normalise(case):
    assert platform(case["input"]).normalised() == platform(case["normalized"])


def test_absent_os_is_the_hosts():
    assert Platform(os="", architecture="amd64").normalised("windows").os == "windows"
    assert Platform.parse("arm64", host_os="freebsd") == Platform(os="freebsd", architecture="arm64")
    assert Platform.parse("linux", host_architecture="s390x").architecture == "s390x"


@pytest.mark.parametrize(
    "text", ["linux/*", "linux/a/b/c", "linux/a/b/c/d", "neither", "linux(", "linux(%zz)/amd64", "linux//v8", "a b"]
)
def test_invalid(text):
    with pytest.raises(InvalidPlatform, match="invalid platform"):
        Platform.parse(text)


@pytest.mark.parametrize("text", ["unknown/unknown", "linux/unknown"])
def test_attestations_are_unknown(text):
    assert Platform.parse(text).unknown
    assert not Platform.parse("linux/amd64").unknown


words = st.text(alphabet="abcxv0189._-", min_size=1, max_size=6)
platforms = st.builds(
    Platform,
    os=st.sampled_from(["linux", "windows", "darwin", "freebsd", "zos"]),
    architecture=st.one_of(st.sampled_from(["amd64", "arm", "arm64", "x86_64", "armhf", "s390x"]), words),
    variant=st.one_of(st.just(""), st.sampled_from(["v1", "v6", "v7", "v8", "v8.1", "v9"]), words),
    os_version=st.text(alphabet="01.%+()/", max_size=6),
    os_features=st.lists(st.text(alphabet="ab%+(/", min_size=1, max_size=4), max_size=3).map(tuple),
)


@given(platforms)
def test_normalising_twice_is_normalising_once(given_platform):
    once = given_platform.normalised()
    assert once.normalised() == once


@given(platforms)
def test_full_text_reads_back(given_platform):
    assert Platform.parse(given_platform.full).normalised() == given_platform.normalised()


@given(st.text(max_size=40))
def test_only_its_own_error(text):
    with suppress(InvalidPlatform):
        Platform.parse(text)
