"""Texts that findings share."""

import pytest

from webhook.policy.wording import counted, duration, listed, printable, quoted, sentence


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("plain", "plain"),
        ("a\x1b[31mb", "a?[31mb"),
        ("a\nb\u202e", "a?b?"),
        ("x" * 80, "x" * 80),
        ("a" * 60 + "b" * 60, "a" * 39 + "…" + "b" * 39),
    ],
)
def test_printable(text: str, clean: str) -> None:
    assert printable(text) == clean


def test_names() -> None:
    assert quoted("a") == '"a"'
    assert listed(["a", "b", "a"]) == "a, b"
    assert listed("abcdefg") == "a, b, c, d, e and 2 more"
    assert counted("secret", ["a"]) == 'secret "a"'
    assert counted("secret", ["a", "b"]) == 'secrets "a", "b"'


@pytest.mark.parametrize(("clause", "whole"), [("it failed", "it failed."), ("why?", "why?"), ("a.", "a.")])
def test_sentence(clause: str, whole: str) -> None:
    assert sentence(clause) == whole


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "about a minute"), (89, "about a minute"), (300, "about 5 min"), (5399, "about 90 min"), (21600, "about 6 h")],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text
