"""Durations as Go prints them (pure): `2s`, `1m30s`, `500ms`, `1.5s`.

duration := "0" | ( number unit )+ , number := digits [ "." digits ] | "." digits
Source: Go's time.ParseDuration, without signs: an API server sends none.
"""

import re

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_TERM = re.compile(r"(?P<number>[0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})(?P<unit>ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_LONGEST = 64


class InvalidDuration(ValueError):
    """The text is no duration."""


def parse_duration(text: str) -> float:
    """Return seconds; raise `InvalidDuration`."""
    if text == "0":
        return 0.0
    total, position = 0.0, 0
    while position < len(text) <= _LONGEST:
        match = _TERM.match(text, position)
        if match is None:
            break
        total += float(match["number"]) * _UNITS[match["unit"]]
        position = match.end()
    if not text or position != len(text):
        raise InvalidDuration(f"not a duration: {text[:_LONGEST]!r}, write it as 2s or 1m30s")
    return total
