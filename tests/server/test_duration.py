"""Go's durations."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.server.duration import InvalidDuration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("0s", 0),
        ("2s", 2),
        ("10s", 10),
        ("500ms", 0.5),
        ("1m30s", 90),
        ("1h0m0s", 3600),
        ("1.5s", 1.5),
        (".5s", 0.5),
        ("1.s", 1),
        ("1s500ms", 1.5),
        ("100us", 1e-4),
        ("100µs", 1e-4),
        ("100μs", 1e-4),
        ("5ns", 5e-9),
    ],
)
def test_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "5", "s", "-5s", "+5s", "5 s", "5S", "1d", ".s", "1e3s", "5s ", "٥s", "1s" * 40])
def test_no_duration(text: str) -> None:
    with pytest.raises(InvalidDuration, match="not a duration"):
        parse_duration(text)


@given(st.text(alphabet="0123456789.smhnuµd-", max_size=20))
def test_only_its_own_error(text: str) -> None:
    with contextlib.suppress(InvalidDuration):
        assert parse_duration(text) >= 0
