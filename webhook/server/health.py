"""Whether this process is alive and ready (pure but for the checks it is given).

Ready means: certificates and configuration are in order and nobody has asked us to end. Registries are no part of it: a
registry that is down must not take the webhook out of service, for then its requests would go unjudged.
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Condition:
    """How a thing is. A note may go with either: `the last change was refused, the one before is in force`."""

    ok: bool
    note: str = ""


class Health:
    """The checks behind /readyz, in the order they were added."""

    def __init__(self) -> None:
        self._checks: dict[str, Callable[[], Condition]] = {}
        self.draining = False

    def add(self, name: str, check: Callable[[], Condition]) -> None:
        """Have `check` asked at each /readyz; it must return at once."""
        self._checks[name] = check

    def conditions(self) -> dict[str, Condition]:
        """Ask every check."""
        found = {name: check() for name, check in self._checks.items()}
        return {**found, "shutdown": Condition(not self.draining, "draining" if self.draining else "")}


def render(endpoint: str, conditions: dict[str, Condition]) -> str:
    """Return what a person reads, in the manner of the API server's own endpoints."""
    lines = [_line(name, condition) for name, condition in conditions.items()]
    passed = all(condition.ok for condition in conditions.values())
    return "\n".join([*lines, f"{endpoint} check {'passed' if passed else 'failed'}", ""])


def _line(name: str, condition: Condition) -> str:
    note = f": {condition.note}" if condition.note else ""
    return f"[{'+' if condition.ok else '-'}]{name} {'ok' if condition.ok else 'failed'}{note}"
