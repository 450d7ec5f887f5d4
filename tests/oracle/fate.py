"""What the node made of a container, read from its pod (pure).

A container's waiting message holds the whole cause, behind "Back-off pulling image …: ErrImagePull: " while the kubelet
backs off, so events are not needed. A malformed pull secret has the error itself for a reason.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from case import Case, Role

_BACK_OFF = re.compile(r'^Back-off pulling image "[^"]*": (?P<reason>\w+): (?P<text>.*)$', re.DOTALL)


class Fate(StrEnum):
    """How it ended."""

    RUNS = "runs"
    PULL_FAILED = "ErrImagePull"
    INVALID_NAME = "InvalidImageName"
    NEVER_PULL = "ErrImageNeverPull"
    CREATE_FAILED = "CreateContainerError"
    CANNOT_EXECUTE = "exec format error"
    REJECTED = "rejected by the API server"
    NO_ANSWER = "the webhook did not answer"
    UNSETTLED = "unsettled"


NOT_MADE = (Fate.REJECTED, Fate.NO_ANSWER)
"""There is no pod."""


@dataclass(frozen=True, kw_only=True)
class Observation:
    """A fate with the node's own words."""

    fate: Fate
    message: str = ""

    @property
    def final(self) -> bool:
        """True where waiting longer changes nothing."""
        return self.fate in (Fate.RUNS, Fate.CANNOT_EXECUTE, Fate.INVALID_NAME, Fate.REJECTED, Fate.NO_ANSWER)


_REASONS = {
    "InvalidImageName": Fate.INVALID_NAME,
    "ErrImageNeverPull": Fate.NEVER_PULL,
    "CreateContainerError": Fate.CREATE_FAILED,
    "CreateContainerConfigError": Fate.CREATE_FAILED,
    "RunContainerError": Fate.CREATE_FAILED,
    "CrashLoopBackOff": Fate.CREATE_FAILED,
}
_NOT_YET = {"", "ContainerCreating", "PodInitializing"}
_STATUSES = {Role.INIT: "initContainerStatuses", Role.EPHEMERAL: "ephemeralContainerStatuses"}


def refused(message: str) -> Observation:
    """Return the fate of what the API server did not take, with the reason it gave."""
    fate = Fate.NO_ANSWER if "failed calling webhook" in message else Fate.REJECTED
    return Observation(fate=fate, message=message)


def observe(pod: Any, case: Case) -> Observation:
    """Return what has become of the judged container so far."""
    for status in pod.get("status", {}).get(_STATUSES.get(case.role, "containerStatuses"), ()):
        if status["name"] == "judged":
            return _of(status)
    return Observation(fate=Fate.UNSETTLED)


def _of(status: Any) -> Observation:
    state = status.get("state", {})
    ended = state.get("terminated") or status.get("lastState", {}).get("terminated") or {}
    text = ended.get("message", "") + state.get("waiting", {}).get("message", "")
    if "exec format error" in text:
        return Observation(fate=Fate.CANNOT_EXECUTE, message=text)
    if ended.get("reason") in ("StartError", "ContainerCannotRun"):
        return Observation(fate=Fate.CREATE_FAILED, message=text)
    if ended.get("exitCode"):  # the programs of our images end with 0 or not at all
        return Observation(fate=Fate.CANNOT_EXECUTE, message=f"exit code {ended['exitCode']}")
    if "running" in state or ended:
        return Observation(fate=Fate.RUNS)
    return _waiting(state.get("waiting", {}))


def _waiting(waiting: Any) -> Observation:
    reason, message = waiting.get("reason", ""), waiting.get("message", "")
    if reason in _REASONS:
        return Observation(fate=_REASONS[reason], message=message)
    if reason in _NOT_YET:
        return Observation(fate=Fate.UNSETTLED, message=message)
    told = _BACK_OFF.match(message)
    return Observation(fate=Fate.PULL_FAILED, message=told["text"] if told else message)
