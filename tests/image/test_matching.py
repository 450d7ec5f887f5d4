import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.image.matching import any_of, only, only_os, only_strict, ordered, windows
from webhook.image.platform import Platform

MATCHERS = {
    "only": only,
    "only_strict": only_strict,
    "only_os": only_os,
    "new_matcher": ordered,
    "ordered": ordered,
    "any": any_of,
}


def platform(spec):
    return Platform(
        os=spec.get("os", ""),
        architecture=spec.get("architecture", ""),
        variant=spec.get("variant", ""),
        os_version=spec.get("os.version", ""),
        os_features=tuple(spec.get("os.features", ())),
    )


@pytest.mark.vectors("platforms", "match")
def test_match(case):
    matcher = MATCHERS[case["matcher"]](platform(case["platform_spec"]))
    assert matcher.match(platform(case["candidate_spec"])) is case["match"]


@pytest.mark.vectors("platforms", "order")
def test_order(case):
    matcher = MATCHERS[case["matcher"]](Platform.parse(case["platform"]))
    assert sorted(case["input"], key=lambda text: matcher.rank(Platform.parse(text))) == case["expected"]


@pytest.mark.vectors("platforms", "windows_order")
def test_windows_order(case):
    def candidate(version):
        return (
            Platform(os="linux", architecture="amd64")
            if version == "linux"
            else Platform(os="windows", architecture="amd64", os_version=version)
        )

    matcher = windows(candidate(case["host"]))
    result = sorted(case["input"], key=lambda version: matcher.rank(candidate(version)))
    if "expected" in case:
        assert result == case["expected"]
    else:
        assert result[0] == case["expected_first"]


@pytest.mark.parametrize(
    ("host", "container", "runs"),
    [
        ("10.0.26200", "10.0.20348", True),  # after the 2025 release the 2022 one still runs
        ("10.0.26100", "10.0.17763", False),
        ("10.0.20347", "10.0.20347.5", True),
        ("10.0.20347", "10.0.20346", False),
        ("10.1.20348", "10.0.20348", False),
        ("", "10.0.17763", True),
        ("10.0.99999", "10.0.17763", True),  # no version: not judged
        ("10.0.20348", "garbage", False),
        ("10.0.20348", "", True),
    ],
)
def test_windows_builds(host, container, runs):
    node = Platform(os="windows", architecture="amd64", os_version=host)
    assert ordered(node).match(Platform(os="windows", architecture="amd64", os_version=container)) is runs


def test_win32k_never_decides():
    node = Platform(os="windows", architecture="amd64")
    assert only(node).match(Platform(os="windows", architecture="amd64", os_features=("win32k",)))
    assert not only(node).match(Platform(os="windows", architecture="amd64", os_features=("win32k", "other")))


@pytest.mark.parametrize("variant", ["v99999999999999999999", "v100", "v-1", "v²"])
def test_absurd_variants_are_bounded(variant):
    assert only(Platform(os="linux", architecture="amd64", variant=variant)).match(
        Platform(os="linux", architecture="386")
    )


def test_unknown_arm64_variant_takes_nothing():
    """As containerd: its table knows v8 to v8.9 and v9 to v9.7."""
    odd = Platform(os="linux", architecture="arm64", variant="v10")
    assert not only(odd).match(odd)
    assert ordered(odd).match(odd)


specs = st.builds(
    Platform,
    os=st.sampled_from(["linux", "windows", ""]),
    architecture=st.sampled_from(["amd64", "386", "arm", "arm64", "unknown", "aarch64"]),
    variant=st.sampled_from(["", "v1", "v2", "v3", "v6", "v7", "v8", "v8.2", "v9", "v9.1"]),
    os_version=st.sampled_from(["", "10.0.17763", "10.0.20348.1"]),
    os_features=st.lists(st.sampled_from(["a", "b", "win32k"]), max_size=2).map(tuple),
)


@given(st.sampled_from([only, only_strict, only_os, ordered, any_of, windows]), specs, st.lists(specs, max_size=6))
def test_what_matches_comes_first(make, node, candidates):
    matcher = make(node)
    flags = [matcher.match(candidate) for candidate in sorted(candidates, key=matcher.rank)]
    assert flags == sorted(flags, reverse=True)
