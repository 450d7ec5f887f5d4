"""Which existing tags somebody may have meant (pure).

Two measures, versions first: `1.4.2` is near `1.4.1` and not near `11.4.2`, while `lates` is near `latest`.

A tag is read as  prefix numbers suffix:  `v1.4.2-alpine` = `v`, (1, 4, 2), `-alpine`. Versions of the same prefix and
suffix are ranked by the first number that differs, the closer the better, and of equals the higher. After them come
the same numbers with another prefix or suffix, then what merely looks alike. Where `latest` was meant, mostly because
no tag was given, and nothing looks like it, the newest plain versions are told.
"""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from heapq import nlargest, nsmallest

MOST = 3

_COMPARED = 40
_LONGEST = 64
"""difflib's cost grows with the square of the length: so many of such length take a few milliseconds."""

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", re.ASCII)
_SIGNATURE = re.compile(r"sha256-[0-9a-f]{64}", re.ASCII)  # cosign keeps signatures and attestations as tags
_VERSION = re.compile(r"(?P<prefix>[A-Za-z_-]*)(?P<numbers>[0-9]{1,9}(?:[._-][0-9]{1,9}){0,5})(?P<suffix>.*)", re.ASCII)

_Version = tuple[str, tuple[int, ...], str]


def nearest_tags(wanted: str, tags: Iterable[str]) -> tuple[str, ...]:
    """Return at most `MOST` of `tags` that are near `wanted`, the nearest first; only texts that can be tags.

    A long list may be taken in parts, each with what was nearest so far.
    """
    existing = [
        tag for tag in dict.fromkeys(tags) if _TAG.fullmatch(tag) and tag != wanted and not _SIGNATURE.match(tag)
    ]
    versions = _near_versions(wanted, existing)
    texts = _near_texts(wanted, [tag for tag in existing if tag not in versions])
    return tuple((versions + texts or _newest(wanted, existing))[:MOST])


def _near_versions(wanted: str, existing: list[str]) -> list[str]:
    target = _version(wanted)
    if target is None:
        return []
    prefix, numbers, suffix = target
    read = [(version, tag) for tag in existing if (version := _version(tag)) is not None]
    kin = [(each, tag) for (before, each, after), tag in read if (before, after) == (prefix, suffix)]
    twins = [tag for (before, each, after), tag in read if each == numbers and (before, after) != (prefix, suffix)]
    return [tag for _, tag in nsmallest(MOST, kin, key=lambda each: _distance(numbers, each[0]))] + twins[:MOST]


def _newest(wanted: str, existing: list[str]) -> list[str]:
    if wanted != "latest":
        return []
    read = [(version, tag) for tag in existing if (version := _version(tag)) is not None]
    plain = [(numbers, tag) for (prefix, numbers, suffix), tag in read if prefix in ("", "v") and not suffix]
    return [tag for _, tag in nlargest(MOST, plain)]


def _near_texts(wanted: str, existing: list[str]) -> list[str]:
    if len(wanted) > _LONGEST:
        return []
    letters = set(wanted)
    likely = nsmallest(
        _COMPARED,
        (tag for tag in existing if len(tag) <= _LONGEST),
        key=lambda tag: len(letters.symmetric_difference(tag)) + abs(len(tag) - len(wanted)),
    )
    return get_close_matches(wanted, likely, n=MOST, cutoff=0.6)


def _version(tag: str) -> _Version | None:
    match = _VERSION.fullmatch(tag)
    if match is None:
        return None
    return match["prefix"], tuple(int(number) for number in re.split("[._-]", match["numbers"])), match["suffix"]


def _distance(target: tuple[int, ...], version: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Order by the difference in each place, absent ones as zero; of equals the higher version first."""
    places = max(len(target), len(version))
    padded = [numbers + (0,) * (places - len(numbers)) for numbers in (target, version)]
    return tuple(abs(a - b) for a, b in zip(*padded, strict=True)), tuple(-number for number in padded[1])
