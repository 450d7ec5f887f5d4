"""A check's manual page, read from its docstring (pure).

page  := title "." blank field{5}
field := ("Looks at" | "Passes" | "Finds" | "Predicts" | "Fix") ":" text, indented where it goes on
"""

import re
from dataclasses import dataclass

_FIELDS = ("Looks at", "Passes", "Finds", "Predicts", "Fix")
_PAGE = re.compile(r"(?P<title>.+?)\n\n" + "\n".join(rf"{name}:\s+(.+?)" for name in _FIELDS), re.DOTALL)


class MalformedPage(ValueError):
    """A docstring is not a manual page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manual:
    """One page, each text on one line."""

    title: str
    looks_at: str
    passes: str
    finds: str
    predicts: str
    fix: str


def parse(page: str) -> Manual:
    """Raise `MalformedPage` unless the text has a title and the five headings in order."""
    match = _PAGE.fullmatch(page.strip())
    if match is None:
        raise MalformedPage(f"{page.strip().splitlines()[:1]!r}: a page has a title, then {', '.join(_FIELDS)}")
    title, looks_at, passes, finds, predicts, fix = (" ".join(text.split()) for text in match.groups())
    return Manual(title=title, looks_at=looks_at, passes=passes, finds=finds, predicts=predicts, fix=fix)
