"""Paths as text and as steps."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.workload.fieldpath import InvalidPath, Step, parse_path, render_path

steps = st.lists(st.integers(min_value=0) | st.text(max_size=8), max_size=6).map(tuple)


@given(steps)
def test_parsing_is_the_reverse_of_rendering(path: tuple[Step, ...]) -> None:
    assert parse_path(render_path(path)) == path


def test_it_reads_as_kubernetes_prints_it() -> None:
    assert render_path(("spec", "containers", 0, "image")) == "spec.containers[0].image"
    assert parse_path('spec["a.b"].c[3]') == ("spec", "a.b", "c", 3)


@pytest.mark.parametrize("text", [".", "a.", "a..b", "a[", "a[x]", "a[1", ".a", "a b", 'a["b]', "[-1]", 'a["\\x"]'])
def test_no_path(text: str) -> None:
    with pytest.raises(InvalidPath, match="not a "):
        parse_path(text)


@given(st.text(max_size=20))
def test_only_its_own_error(text: str) -> None:
    with contextlib.suppress(InvalidPath):
        parse_path(text)
