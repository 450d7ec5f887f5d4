"""Levels and modes, as in Pod Security Admission (pure).

Each finding acts at a level and each mode has one: a mode acts on what its level reaches. Labels of the namespace
override the default of a mode:

    pullproof.dev/enforce: off | baseline | strict        likewise warn and audit
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Final

LABEL_PREFIX: Final = "pullproof.dev/"


class Level(StrEnum):
    """off < baseline (acts on fail) < strict (also on warn)."""

    OFF = "off"
    BASELINE = "baseline"
    STRICT = "strict"

    def reaches(self, needed: "Level") -> bool:
        """Tell whether a mode of this level acts on what needs that one; off reaches nothing and is never reached."""
        return self is not Level.OFF and needed is not Level.OFF and _RANK[self] >= _RANK[needed]


_RANK: Final = {Level.OFF: 0, Level.BASELINE: 1, Level.STRICT: 2}
_BY_TEXT: Final = {level.value: level for level in Level}


class Mode(StrEnum):
    """What is done with findings."""

    ENFORCE = "enforce"
    WARN = "warn"
    AUDIT = "audit"


_LABELS: Final = tuple((mode, f"{LABEL_PREFIX}{mode}") for mode in Mode)

DEFAULT_LEVELS: Final[Mapping[Mode, Level]] = {
    Mode.ENFORCE: Level.BASELINE,
    Mode.WARN: Level.STRICT,
    Mode.AUDIT: Level.STRICT,
}


def labelled_levels(labels: Mapping[str, str]) -> Mapping[Mode, Level]:
    """Return the levels that a namespace's labels state; wrong values count as not stated."""
    return {mode: _BY_TEXT[text] for mode, text in _stated(labels) if text in _BY_TEXT}


def wrong_labels(labels: Mapping[str, str]) -> Mapping[str, str]:
    """Return the labels that state no level, to reject or to log them."""
    return {f"{LABEL_PREFIX}{mode}": text for mode, text in _stated(labels) if text not in _BY_TEXT}


def _stated(labels: Mapping[str, str]) -> Iterator[tuple[Mode, str]]:
    for mode, label in _LABELS:
        text = labels.get(label)
        if text is not None:
            yield mode, text
