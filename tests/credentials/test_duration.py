from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.credentials.duration import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("0s", 0),
        ("12h", 43200),
        ("1h30m", 5400),
        ("1.5s", 1.5),
        (".5m", 30),
        ("1.s", 1),
        ("300ms", 0.3),
        ("5us", 5e-6),
        ("5µs", 5e-6),
        ("5μs", 5e-6),
        ("10ns", 1e-8),
        ("-1h", -3600),
        ("+2m", 120),
        ("1s1s", 2),
    ],
)
def test_duration(text, seconds):
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "1", "h", ".s", "1 h", "1d", "1h ", "12:00", "--1s", "+", "300y", "9" * 20 + "h", "1h" * 99]
)
def test_no_duration(text):
    with pytest.raises(ValueError, match=r"duration|longer"):
        parse_duration(text)


@given(st.text(alphabet="0123456789.hmsnuµ+- ", max_size=12))
def test_only_value_errors(text):
    with suppress(ValueError):
        assert isinstance(parse_duration(text), float | int)
