"""Which platforms a node takes, and which it likes best (pure).

    ordered(p, ...)   each p alone, in this order of liking
    any_of(p, ...)    each p alone, all liked alike
    only(p)           p, then what p's processor also runs: 386 on amd64, older variants, 32-bit arm on arm64
    only_strict(p)    p alone
    only_os(p)        whatever the processor, p's own first
    windows(p)        p alone, the newest version of the operating system first; what containerd asks on Windows

A rank sorts: the smallest is the best, equals keep their order. Source: containerd/platforms v1.0.0-rc.5, compare.go,
platforms.go, platform_windows_compat.go.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Protocol

from webhook.image.platform import Platform

_LTSC = (20348, 26100)
"""Windows Server 2022 and 2025: since 2022, a host runs containers as old as the long-term release before its own."""
_HIGHEST_LEVEL = 99
"""No processor has as many variants; a bound for what a person may type."""


class Matcher(Protocol):
    """What a node takes."""

    def match(self, candidate: Platform) -> bool:
        """Tell whether the node takes this platform."""
        ...

    def rank(self, candidate: Platform) -> tuple[int, ...]:
        """Return what to sort by: the best first, what does not match last."""
        ...


@lru_cache(maxsize=256)
def only(platform: Platform) -> Matcher:
    """Take the platform and what its processor also runs (`client.Pull`, and the choice of the config everywhere)."""
    return ordered(*_runs(platform.normalised()))


@lru_cache(maxsize=256)
def only_strict(platform: Platform) -> Matcher:
    """Take just this platform."""
    return ordered(platform.normalised())


def ordered(*platforms: Platform) -> Matcher:
    """Take these platforms, earlier ones rather (what the transfer service keeps of an index)."""
    by_processor: dict[tuple[str, str], tuple[tuple[int, _Exact], ...]] = {}
    for place, platform in enumerate(platforms):
        exact = _Exact.of(platform)
        processor = exact.platform.processor
        by_processor[processor] = (*by_processor.get(processor, ()), (place, exact))
    return _Ordered(by_processor, len(platforms))


def any_of(*platforms: Platform) -> Matcher:
    """Take these platforms, none rather than another."""
    return _Any(tuple(_Exact.of(platform) for platform in platforms))


def only_os(platform: Platform) -> Matcher:
    """Take whatever is for this operating system (what the transfer service unpacks)."""
    return _OnlyOS(_Exact.of(platform.normalised()), ordered(platform.normalised()))


@lru_cache(maxsize=256)
def windows(platform: Platform) -> Matcher:
    """Take just this platform, the newest build rather: the default matcher on a Windows host."""
    return _Windows(_Exact.of(platform.normalised()))


@dataclass(frozen=True, slots=True)
class _Exact:
    """One platform. A candidate's features must all be the node's; its version matters on Windows only."""

    platform: Platform
    on_windows: bool

    @classmethod
    def of(cls, platform: Platform) -> "_Exact":
        return cls(platform.normalised(), platform.os == "windows")

    def match(self, candidate: Platform) -> bool:
        if candidate.processor != (self.platform.architecture, self.platform.variant):
            return False
        features = candidate.os_features
        return self.match_os(candidate, _without_win32k(features) if self.on_windows else features)

    def match_os(self, candidate: Platform, features: tuple[str, ...]) -> bool:
        return (
            candidate.system(self.platform.os) == self.platform.os
            and (not self.on_windows or _host_runs(self.platform.os_version, candidate.os_version))
            and (not features or set(features) <= set(self.platform.os_features))
        )


def _without_win32k(features: tuple[str, ...]) -> tuple[str, ...]:
    """Leave out what containerd never lets decide, once."""
    if "win32k" not in features:
        return features
    place = features.index("win32k")
    return features[:place] + features[place + 1 :]


@dataclass(frozen=True, slots=True)
class _Ordered:
    """Platforms by their processors, each with its place: an index names a dozen, a node runs one or two of them."""

    exact: Mapping[tuple[str, str], tuple[tuple[int, _Exact], ...]]
    length: int

    def match(self, candidate: Platform) -> bool:
        return self._place(candidate) < self.length

    def rank(self, candidate: Platform) -> tuple[int, ...]:
        place = self._place(candidate)
        if place < self.length:
            return 0, place, -len(candidate.os_features)
        # What does not match is still sorted, by what it would be without its features.
        return 1, self._place(replace(candidate, os_features=())) if candidate.os_features else place

    def _place(self, candidate: Platform) -> int:
        for place, exact in self.exact.get(candidate.processor, ()):
            if exact.match(candidate):
                return place
        return self.length


@dataclass(frozen=True, slots=True)
class _Any:
    exact: tuple[_Exact, ...]

    def match(self, candidate: Platform) -> bool:
        return any(exact.match(candidate) for exact in self.exact)

    def rank(self, candidate: Platform) -> tuple[int, ...]:
        if self.match(candidate):
            return 0, -len(candidate.os_features)
        return 1, 0 if self.match(replace(candidate, os_features=())) else 1


@dataclass(frozen=True, slots=True)
class _OnlyOS:
    exact: _Exact
    strict: Matcher

    def match(self, candidate: Platform) -> bool:
        return self.exact.match_os(candidate, candidate.os_features)

    def rank(self, candidate: Platform) -> tuple[int, ...]:
        return (0, *self.strict.rank(candidate)) if self.match(candidate) else (1,)


@dataclass(frozen=True, slots=True)
class _Windows:
    exact: _Exact

    def match(self, candidate: Platform) -> bool:
        return self.exact.match(candidate)

    def rank(self, candidate: Platform) -> tuple[int, ...]:
        """Sort versions downwards, as texts."""
        return (0, *(-ord(letter) for letter in candidate.os_version), 1) if self.match(candidate) else (1,)


def _runs(platform: Platform) -> Iterator[Platform]:
    """Yield what a processor runs, the best first."""
    match platform.architecture:
        case "amd64":
            yield platform
            for level in range(_level(platform.variant) - 1, 0, -1):
                yield replace(platform, variant=f"v{level}")
            yield replace(platform, architecture="386", variant="")
        case "arm":
            yield platform
            for level in range(_level(platform.variant) - 1, 4, -1):
                yield replace(platform, variant=f"v{level}")
        case "arm64":
            versions = _arm64_versions(platform.variant)
            for version in versions:
                yield replace(platform, variant=version)
            if versions:
                yield from _runs(replace(platform, architecture="arm", variant="v8"))
        case _:
            yield platform


def _level(variant: str) -> int:
    digits = variant.removeprefix("v")
    return int(digits) if digits.isascii() and digits.isdecimal() and int(digits[:9]) <= _HIGHEST_LEVEL else 0


def _arm64_versions(variant: str) -> list[str]:
    """Return the ARM architecture versions that this one includes: v9.n has all of v8.(n+5), as far as v8 goes."""
    major, dot, minor = (variant or "v8").partition(".")
    highest = {"v8": 9, "v9": 7}.get(major)
    if highest is None or (dot and minor not in {str(known) for known in range(highest + 1)}):
        return []
    top = int(minor or 0)
    own = [_version(major, below) for below in range(top, -1, -1)]
    return own if major == "v8" else own + [_version("v8", below) for below in range(min(top + 5, 9), -1, -1)]


def _version(major: str, minor: int) -> str:
    return f"{major}.{minor}" if minor else major


def _host_runs(host: str, container: str) -> bool:
    """Tell whether a Windows host of one version runs a container of another; an unknown version runs and fits all."""
    ours, theirs = _windows_version(host), _windows_version(container)
    if ours == (0, 0, 0) or not container:
        return True
    if ours[:2] != theirs[:2]:
        return False
    if ours[2] < _LTSC[0]:
        return ours[2] == theirs[2]
    # Of a host's own release line, and one back: 2022 for a 2025 host. rc.4 was stricter by one for builds after 2025.
    newest = max(place for place, build in enumerate(_LTSC) if ours[2] >= build)
    return _LTSC[max(newest - 1, 0)] <= theirs[2] <= ours[2]


def _windows_version(text: str) -> tuple[int, int, int]:
    """Read major, minor and build of `10.0.17763[.revision]`; zeros for what is no version."""
    parts = text.split(".", 3)
    if len(parts) < 3:
        return 0, 0, 0
    numbers = [int(part) if part.isascii() and part.isdecimal() and len(part) < 9 else -1 for part in parts[:3]]
    major, minor, build = numbers
    return (major, minor, build) if 0 <= major < 256 and 0 <= minor < 256 and 0 <= build < 65536 else (0, 0, 0)
