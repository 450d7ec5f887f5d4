"""Stop asking a registry that is down, and find out gently when it is back (pure: the time is a parameter).

closed --`failures` in a row--> open --back-off over--> half open: one probe
  ^                              ^                          |  |
  |                              +---- it failed: longer ---+  |
  +---------------------------------- it was answered ---------+
"""

from dataclasses import dataclass, field

from webhook.registry.resolution import Failure


@dataclass(frozen=True, slots=True)
class Told:
    """Why a registry is not asked: the last failure, in its words."""

    failure: Failure
    message: str


@dataclass(slots=True)
class Breaker:
    """One registry's. Who may ask calls exactly one of `answered`, `failed` and `broke_off` afterwards."""

    failures: int = 5
    backoff: float = 2.0
    most_backoff: float = 30.0
    _row: int = field(default=0, init=False)
    _until: float | None = field(default=None, init=False)
    _wait: float = field(default=0.0, init=False)
    _told: Told | None = field(default=None, init=False)
    _probing: bool = field(default=False, init=False)

    @property
    def open(self) -> bool:
        """True from the last failure that counted until something is answered."""
        return self._until is not None

    def refusal(self, now: float) -> Told | None:
        """Return why nobody may ask at `now`, or None."""
        if self._until is None or (now >= self._until and not self._probing):
            return None
        return self._told

    def ask(self) -> bool:
        """Note that somebody asks, after `refusal` gave None; return whether it is a probe."""
        self._probing = self.open
        return self._probing

    def answered(self) -> None:
        """Close: the registry lives, whatever it said."""
        self._row, self._until, self._wait, self._probing = 0, None, 0.0, False

    def failed(self, told: Told, now: float, *, probe: bool) -> None:
        """Count a failure; those that were under way when it opened do not lengthen the wait."""
        self._row += 1
        if probe if self.open else self._row >= self.failures:
            self._wait = min(self._wait * 2 or self.backoff, self.most_backoff)
            self._until = now + self._wait
            self._told = told
        self._probing = self._probing and not probe

    def broke_off(self, *, probe: bool) -> None:
        """Let the next one probe: this one found nothing out about the registry."""
        self._probing = self._probing and not probe
