"""Lengths of time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.settings.duration import Duration


@pytest.mark.parametrize(
    ("text", "seconds", "again"),
    [
        ("60s", 60, "1m"),
        ("1m", 60, "1m"),
        ("90s", 90, "90s"),
        ("1m30s", 90, "90s"),
        ("250ms", 0.25, "250ms"),
        ("1.5s", 1.5, "1500ms"),
        ("2h", 7200, "2h"),
        ("24h", 86400, "1d"),
        ("7d", 604800, "7d"),
        ("0", 0, "0s"),
        ("0s", 0, "0s"),
    ],
)
def test_parse(text: str, seconds: float, again: str) -> None:
    duration = Duration.parse(text)
    assert duration == seconds
    assert str(duration) == again


@pytest.mark.parametrize("text", ["", "60", "s", "-1s", "1 s", "1m 30s", "1w", "1e3s", "1s\n", "٣s", "9999999999s"])
def test_refuse(text: str) -> None:
    with pytest.raises(ValueError, match="write it like '500ms'"):
        Duration.parse(text)


@given(st.integers(0, 10**9 - 1))
def test_round_trip(milliseconds: int) -> None:
    duration = Duration.parse(f"{milliseconds}ms")
    assert Duration.parse(str(duration)) == duration
