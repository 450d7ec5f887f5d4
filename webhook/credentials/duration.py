"""Go's durations: `12h`, `1h30m`, `1.5s`, `0` (pure). Source: time.ParseDuration of Go 1.26."""

import re
from typing import Final

_UNITS: Final = {"ns": 1e-9, "us": 1e-6, "\u00b5s": 1e-6, "\u03bcs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = r"(?:[0-9]++(?:\.[0-9]*+)?+|\.[0-9]++)(?:ns|us|\u00b5s|\u03bcs|ms|s|m|h)"
_DURATION = re.compile(rf"[-+]?(?:0|(?:{_PART})++)", re.ASCII)
_EACH = re.compile(r"([0-9.]++)([^0-9.]++)", re.ASCII)
_LONGEST_TEXT: Final = 64
_LONGEST: Final = (1 << 63) / 1e9


def parse_duration(text: str) -> float:
    """Return seconds; raise `ValueError`."""
    if len(text) > _LONGEST_TEXT or not _DURATION.fullmatch(text):
        raise ValueError(f"{text[:_LONGEST_TEXT]!r} is no duration; write it like 12h, 90s or 1h30m")
    seconds = sum(float(number) * _UNITS[unit] for number, unit in _EACH.findall(text.lstrip("+-")))
    if seconds >= _LONGEST:
        raise ValueError(f"{text!r} is longer than 292 years")
    return -seconds if text.startswith("-") else seconds
