"""Foreign text made harmless for where it goes (pure).

Image names, messages of registries and file names are written by others. `clean` takes out what could move a cursor,
recolour a terminal or reverse the reading direction; the rest quote what has a meaning in their format.
"""

import html
import re

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])|\x9b[0-?]*[ -/]*[@-~]")
_SPACE = re.compile(r"[\t\n\v\f\r\x85\u2028\u2029]+")
# controls, soft hyphen, zero width and directional marks, surrogates, non-characters, private use, tags
_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff"
    "\ud800-\uf8ff\U000e0000-\U000e007f\U000f0000-\U0010ffff]"
)
_MARKDOWN = re.compile(r"([\\`*_\[\]<>#|~@$&])")


def clean(text: str) -> str:
    """Return one line without control characters, escape sequences or invisible marks."""
    return _HIDDEN.sub("\N{REPLACEMENT CHARACTER}", _SPACE.sub(" ", _ANSI.sub("", text))).strip()


def cut(text: str, length: int) -> str:
    """Shorten in the middle, where references differ least."""
    if len(text) <= length:
        return text
    head = (length - 1) // 2
    return f"{text[:head]}…{text[len(text) - (length - 1 - head) :]}"


def markdown(text: str) -> str:
    """Escape for running Markdown text; no mention, link, emphasis or table cell can begin."""
    return _MARKDOWN.sub(r"\\\1", text).replace("://", ":\\//")


def markdown_code(text: str) -> str:
    """Return a code span that also stands in a table cell."""
    ticks = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{pad}{text.replace('|', chr(92) + '|')}{pad}{ticks}"


def html_text(text: str) -> str:
    """Escape for HTML text and quoted attributes."""
    return html.escape(text, quote=True)


def github_message(text: str) -> str:
    """Escape the message of a workflow command (actions/toolkit, command.ts escapeData)."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def github_property(text: str) -> str:
    """Escape a property of a workflow command (escapeProperty)."""
    return github_message(text).replace(":", "%3A").replace(",", "%2C")
