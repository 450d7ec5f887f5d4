"""Platforms: what an image is built for and what a node is (pure).

    specifier := os ["(" [version] *("+" feature) ")"] ["/" architecture ["/" variant]] | architecture

One platform has many spellings; `normalised` has one. Source: containerd/platforms v1.0.0-rc.5, platforms.go and
database.go. Which of an index's platforms a node takes is told by matching.py.
"""

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, Self
from urllib.parse import unquote

_OS = re.compile(r"([A-Za-z0-9_-]++)(?:\(([A-Za-z0-9_.%-]*+)((?:\+[A-Za-z0-9_.%-]++)*+)\))?", re.ASCII)
_PART = re.compile(r"[A-Za-z0-9_.-]++", re.ASCII)
_BAD_ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2})", re.ASCII)
_ESCAPES: Final = str.maketrans({"%": "%25", "+": "%2B", "(": "%28", ")": "%29", "/": "%2F"})

_WORD = re.compile(r"\w+", re.ASCII)
_KNOWN_OS: Final = frozenset(
    _WORD.findall(
        "aix android darwin dragonfly freebsd hurd illumos ios js linux nacl netbsd openbsd plan9 solaris windows zos"
    )
)
_KNOWN_ARCHITECTURES: Final = frozenset(
    _WORD.findall(
        "386 amd64 amd64p32 arm armbe arm64 arm64be ppc64 ppc64le loong64 mips mipsle mips64 mips64le mips64p32"
        " mips64p32le ppc riscv riscv64 s390 s390x sparc sparc64 wasm"
    )
)


class InvalidPlatform(ValueError):
    """The text names no platform."""

    def __init__(self, text: str, why: str) -> None:
        super().__init__(f"invalid platform {text!r}: {why}; write os/architecture[/variant], such as linux/arm64")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Platform:
    """os/architecture[/variant]; build it with `parse` or from decoded JSON, then `normalised()`."""

    os: str
    architecture: str
    variant: str = ""
    os_version: str = ""
    os_features: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str, *, host_os: str = "linux", host_architecture: str = "amd64") -> Self:
        """Raise `InvalidPlatform` unless `text` names a platform; the host lends the part that is not given."""
        first, *rest = text.split("/", 3)
        options = _OS.fullmatch(first)
        if options is None:
            raise InvalidPlatform(text, f"{first!r} is no operating system")
        for part in rest:
            if not _PART.fullmatch(part):
                raise InvalidPlatform(text, f"{part!r} is no architecture or variant")
        if len(rest) > 2:
            raise InvalidPlatform(text, "too many parts")
        name, version, features = options.groups(default="")
        system = cls(
            os=_normal_os(name, host_os),
            architecture=host_architecture,
            os_version=_unescape(text, version),
            os_features=tuple(_unescape(text, feature) for feature in features.split("+")[1:]),
        )
        if rest:
            architecture, variant = _given(*rest)
            return replace(system, architecture=architecture, variant=variant)
        if system.os in _KNOWN_OS:
            return system
        architecture, variant = _given(first)
        if architecture not in _KNOWN_ARCHITECTURES:
            raise InvalidPlatform(text, "unknown operating system or architecture")
        return replace(system, os=host_os, architecture=architecture, variant=variant)

    def normalised(self, host_os: str = "linux") -> Self:
        """Return the one spelling of this platform; an absent os is the host's, as containerd takes it."""
        architecture, variant = _normal_architecture(self.architecture, self.variant)
        return replace(
            self,
            os=self.system(host_os),
            architecture=architecture,
            variant=variant,
            os_features=tuple(sorted(set(self.os_features))) if self.os_features else (),
        )

    @property
    def processor(self) -> tuple[str, str]:
        """Architecture and variant in their one spelling."""
        return _normal_architecture(self.architecture, self.variant)

    def system(self, host_os: str) -> str:
        """Return the operating system in its one spelling; an absent one is the host's."""
        return _normal_os(self.os, host_os)

    @property
    def unknown(self) -> bool:
        """True for the entries of an index that are no image: attestations are marked unknown/unknown."""
        return "unknown" in (self.os, self.architecture)

    @property
    def full(self) -> str:
        """The text with version and features of the operating system, which `parse` reads."""
        features = "+".join(feature.translate(_ESCAPES) for feature in sorted(set(self.os_features)) if feature)
        options = self.os_version.translate(_ESCAPES) + (f"+{features}" if features else "")
        system = f"{self.os}({options})" if options else self.os
        return "/".join(part for part in (system, self.architecture, self.variant) if part)

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


def _given(architecture: str, variant: str = "") -> tuple[str, str]:
    """Normalise what a specifier gives: v7 goes without saying where no variant is written, v8 is said where one is."""
    normal, found = _normal_architecture(architecture, variant)
    if not variant and (normal, found) == ("arm", "v7"):
        return normal, ""
    if variant and (normal, found) == ("arm64", ""):
        return normal, "v8"
    return normal, found


def _normal_os(name: str, host_os: str) -> str:
    lower = name.lower()
    return "darwin" if lower == "macos" else lower or host_os


@lru_cache(maxsize=512)
def _normal_architecture(architecture: str, variant: str) -> tuple[str, str]:
    match architecture.lower(), variant.lower():
        case "i386", _:
            return "386", ""
        case "x86_64" | "x86-64" | "amd64", level:
            return "amd64", "" if level == "v1" else level
        case "aarch64" | "arm64", level:
            return "arm64", {"8": "", "v8": "", "v8.0": "", "9": "v9", "9.0": "v9", "v9.0": "v9"}.get(level, level)
        case "armhf", _:
            return "arm", "v7"
        case "armel", _:
            return "arm", "v6"
        case "arm", level:
            return "arm", {"": "v7", "7": "v7", "5": "v5", "6": "v6", "8": "v8"}.get(level, level)
        case other:
            return other


def _unescape(text: str, option: str) -> str:
    if _BAD_ESCAPE.search(option):
        raise InvalidPlatform(text, f"bad escape in {option!r}")
    return unquote(option)
