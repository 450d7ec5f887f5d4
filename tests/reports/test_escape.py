"""Foreign text made harmless."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from webhook.reports.escape import clean, cut, github_message, github_property, html_text, markdown, markdown_code


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        pytest.param("plain text", "plain text", id="plain"),
        pytest.param("a\x1b[31mred\x1b[0m", "ared", id="colour"),
        pytest.param("a\x1b]0;title\x07b", "ab", id="window title"),
        pytest.param("a\x1b]8;;http://e\x1b\\link\x1b]8;;\x1b\\", "alink", id="hyperlink"),
        pytest.param("a\x9b2Jb", "ab", id="C1 introducer"),
        pytest.param("a\r\nb\tc\u2028d", "a b c d", id="white space"),
        pytest.param("a\x00b\x7fc", "a\ufffdb\ufffdc", id="controls"),
        pytest.param("a\u202eb\u2066c\u200bd", "a\ufffdb\ufffdc\ufffdd", id="directions and hidden"),
        pytest.param("a\ud800b", "a\ufffdb", id="lone surrogate"),
        pytest.param("é 漢 🙂", "é 漢 🙂", id="letters stay"),
    ],
)
def test_clean(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@given(st.text(st.characters()))
def test_clean_leaves_one_printable_line(text: str) -> None:
    cleaned = clean(text)
    assert cleaned == clean(cleaned)
    assert not any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in cleaned)
    assert len(cleaned.splitlines()) <= 1


@given(st.text(max_size=60), st.integers(2, 30))
def test_cut_keeps_both_ends(text: str, length: int) -> None:
    short = cut(text, length)
    assert len(short) <= max(length, 0) or short == text
    if len(text) > length:
        assert "…" in short
        assert text.endswith(short.rpartition("…")[2])


@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1))
def test_markdown_reads_back_as_the_text(text: str) -> None:
    html = MarkdownIt("commonmark").renderInline(f"x{markdown(text)}x")
    assert html == f"x{html_text(text).replace('&#x27;', chr(39))}x"


@given(st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="|"), min_size=1))
def test_a_code_span_reads_back_as_the_text(text: str) -> None:
    html = MarkdownIt("commonmark").renderInline(f"a {markdown_code(text)} z")
    assert html == f"a <code>{html_text(text).replace('&#x27;', chr(39))}</code> z"


def test_workflow_commands() -> None:
    assert github_message("100%\r\n::error::x") == "100%25%0D%0A::error::x"
    assert github_property("a:b,c") == "a%3Ab%2Cc"
