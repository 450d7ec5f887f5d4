"""Lengths of time as people write them: `60s`, `1m30s`, `250ms`, `2h`, `7d`, to the millisecond (pure)."""

import re
from typing import Final, Self

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)(ms|s|m|h|d)", re.ASCII)
PATTERN: Final = r"^(0|(\d{1,9}(\.\d{1,6})?(ms|s|m|h|d))+)$"
_WHOLE = re.compile(PATTERN, re.ASCII)


class Duration(float):
    """A length of time in seconds."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raise ValueError unless `text` is a length of time."""
        if not _WHOLE.fullmatch(text):
            raise ValueError(f"{text!r} is no length of time; write it like '500ms', '60s', '5m' or '1h30m'")
        return cls(round(sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text)), 3))

    def __str__(self) -> str:
        """Return the text in the largest unit that takes no fraction."""
        for unit in ("d", "h", "m", "s"):
            if self and self % _UNITS[unit] == 0:
                return f"{round(self / _UNITS[unit])}{unit}"
        return f"{round(self * 1000)}ms" if self else "0s"

    __repr__ = __str__
