"""Texts of the command line -> values; whatever is wrong with one is a `UsageProblem`."""

from collections.abc import Sequence
from difflib import get_close_matches
from enum import StrEnum
from typing import TypeVar

from webhook.cli.session import UsageProblem
from webhook.image.platform import InvalidPlatform, Platform
from webhook.settings.duration import Duration

Choice = TypeVar("Choice", bound=StrEnum)


def choice(kind: type[Choice], option: str, text: str) -> Choice:
    """Return the member of an enumeration that an option names."""
    known = [member.value for member in kind]
    if text in known:
        return kind(text)
    near = get_close_matches(text, known, 1)
    advice = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
    raise UsageProblem(f"{option} cannot be {text!r}; {advice}")


def duration(option: str, text: str) -> float:
    """Return a length of time in seconds."""
    try:
        seconds = Duration.parse(text)
    except ValueError as error:
        raise UsageProblem(f"{option}: {error}") from error
    if not seconds:
        raise UsageProblem(f"{option} leaves no time; write it like '30s'")
    return seconds


def platforms(option: str, texts: Sequence[str]) -> tuple[Platform, ...]:
    """Return platforms as nodes have them."""
    try:
        return tuple(Platform.parse(text).normalised() for text in texts)
    except InvalidPlatform as error:
        raise UsageProblem(f"{option}: {error}") from error
