"""Laws of every decoder of what others write: only its own error leaves it, and its work grows as its input does."""

import contextlib
import json
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from table import Decoder, decoders, hostile

EVERY = pytest.mark.parametrize("decoder", list(decoders()), ids=lambda decoder: decoder.name)

keys = st.sampled_from(
    [
        "auths",
        "auth",
        "username",
        "password",
        "manifests",
        "config",
        "layers",
        "digest",
        "errors",
        "code",
        "token",
        "tags",
    ]
) | st.sampled_from(["request", "object", "spec", "containers", "image", "metadata", "kind", "apiVersion", "providers"])
trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys | st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


def takes(decoder: Decoder, body: bytes) -> None:
    """Fails by whatever else leaves the decoder than its own errors."""
    with contextlib.suppress(*decoder.raises):
        decoder.take(body)


@EVERY
@settings(max_examples=40, deadline=None)
@given(body=st.binary(max_size=200))
def test_any_bytes(decoder: Decoder, body: bytes) -> None:
    takes(decoder, body)


@EVERY
@settings(max_examples=40, deadline=None)
@given(tree=trees)
def test_any_document(decoder: Decoder, tree: Any) -> None:
    takes(decoder, json.dumps(tree).encode())


@EVERY
def test_what_has_broken_others(decoder: Decoder) -> None:
    for size in (1, 2, 3, 4_000):
        for _, body in hostile(size):
            takes(decoder, body)


def steps(work: Callable[[], object]) -> int:
    """Count the lines of Python that `work` runs."""
    count = 0

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


@EVERY
def test_its_steps_grow_no_faster_than_its_input(decoder: Decoder) -> None:
    """Four times the input is far less than sixteen times the work; what is found wrong early costs less."""
    for (name, small), (_, large) in zip(hostile(2_000), hostile(8_000), strict=True):
        few, many = (steps(lambda body=body: takes(decoder, body)) for body in (small, large))
        assert many <= 8 * few + 10_000, name
