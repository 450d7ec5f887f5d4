"""Levels reach what they reach, and a wrong label changes nothing."""

import pytest

from webhook.policy.level import Level, Mode, labelled_levels, wrong_labels


@pytest.mark.parametrize(
    ("level", "needed", "acts"),
    [
        (Level.OFF, Level.OFF, False),
        (Level.OFF, Level.BASELINE, False),
        (Level.BASELINE, Level.OFF, False),
        (Level.BASELINE, Level.BASELINE, True),
        (Level.BASELINE, Level.STRICT, False),
        (Level.STRICT, Level.OFF, False),
        (Level.STRICT, Level.BASELINE, True),
        (Level.STRICT, Level.STRICT, True),
    ],
)
def test_reaches(level: Level, needed: Level, acts: bool) -> None:
    assert level.reaches(needed) is acts


@pytest.mark.parametrize(
    ("labels", "levels", "wrong"),
    [
        ({}, {}, {}),
        ({"pullproof.dev/enforce": "strict", "team": "a"}, {Mode.ENFORCE: Level.STRICT}, {}),
        (
            {"pullproof.dev/enforce": "off", "pullproof.dev/warn": "baseline", "pullproof.dev/audit": "off"},
            {Mode.ENFORCE: Level.OFF, Mode.WARN: Level.BASELINE, Mode.AUDIT: Level.OFF},
            {},
        ),
        ({"pullproof.dev/enforce": "Strict"}, {}, {"pullproof.dev/enforce": "Strict"}),
        ({"pullproof.dev/warn": ""}, {}, {"pullproof.dev/warn": ""}),
        ({"pullproof.dev/enforce-version": "latest"}, {}, {}),
    ],
)
def test_labels(labels: dict[str, str], levels: dict[Mode, Level], wrong: dict[str, str]) -> None:
    assert labelled_levels(labels) == levels
    assert wrong_labels(labels) == wrong
