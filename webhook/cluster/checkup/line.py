"""One thing that was looked at (pure)."""

from dataclasses import dataclass
from enum import StrEnum

from webhook.cluster.failure import ClusterError


class Grade(StrEnum):
    """How it is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What was found, and what to do about it; `fix` is one command or edit, "" where nothing is to be done."""

    grade: Grade
    topic: str
    message: str
    fix: str = ""


def ok(topic: str, message: str) -> Line:
    """Say that all is well."""
    return Line(grade=Grade.OK, topic=topic, message=message)


def warn(topic: str, message: str, fix: str = "") -> Line:
    """Say that it works, but not as it could."""
    return Line(grade=Grade.WARN, topic=topic, message=message, fix=fix)


def fail(topic: str, message: str, fix: str) -> Line:
    """Say that it does not work."""
    return Line(grade=Grade.FAIL, topic=topic, message=message, fix=fix)


def unread(topic: str, what: str, error: ClusterError) -> Line:
    """Say that it could not be looked at."""
    return warn(topic, f"cannot read {what}: {error}", "run doctor as somebody who may read it")
