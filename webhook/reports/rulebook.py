"""The manual pages of the checks, read from their docstrings (pure).

    One sentence that must hold.

    Looks at:  …
    Passes:    …
    Finds:     code (class; when it is certain): …
    Predicts:  what the kubelet will say
    Fix:       …

A section goes on until the next one begins.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from textwrap import fill

from webhook.policy.finding import Code, FindingClass

SECTIONS = ("Looks at", "Passes", "Finds", "Predicts", "Fix")
_SECTION = re.compile(rf"^({'|'.join(SECTIONS)}):", re.MULTILINE)
_CLASS = re.compile(rf"\((?P<cls>{'|'.join(FindingClass)})\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One check's page. `sections` by the names above, each on one line."""

    code: Code
    cls: FindingClass
    title: str
    sections: Mapping[str, str]

    @property
    def text(self) -> str:
        """The page for a terminal."""
        width = max(map(len, SECTIONS)) + 3
        parts = [
            fill(
                text, 100, initial_indent=f"{name}:".ljust(width), subsequent_indent=" " * width, break_long_words=False
            )
            for name, text in self.sections.items()
        ]
        return "\n".join([f"{self.code} ({self.cls})", "", self.title, "", *parts])

    @property
    def markdown(self) -> str:
        """The page for docs/checks; what the kubelet says is kept as it is, for those who search for it."""
        parts = [f"**{name}.** {_escaped(text)}" for name, text in self.sections.items() if name != "Predicts"]
        predicts = f"**Predicts.**\n\n```text\n{fill(self.sections['Predicts'], 110, break_long_words=False)}\n```"
        parts.insert(SECTIONS.index("Predicts"), predicts)
        return "\n\n".join([f"# {self.code}", f"*{self.cls}.* {_escaped(self.title)}", *parts]) + "\n"


@cache
def rulebook() -> tuple[Rule, ...]:
    """Return all pages in the order of the codes."""
    return tuple(_rule(code) for code in Code)


def _escaped(text: str) -> str:
    return re.sub(r"([*_<\[|])", r"\\\1", text)


def _rule(code: Code) -> Rule:
    module = import_module(f"webhook.policy.checks.{code.replace('-', '_')}")
    return parse(code, module.__doc__ or "")


def parse(code: Code, docstring: str) -> Rule:
    """Read a page; raise `ValueError` where a section or the class is not there."""
    title, *rest = _SECTION.split(docstring)
    sections = {name: " ".join(text.split()) for name, text in zip(rest[::2], rest[1::2], strict=True)}
    found = _CLASS.search(sections.get("Finds", ""))
    if tuple(sections) != SECTIONS or found is None:
        raise ValueError(f"the page of {code} must have {', '.join(SECTIONS)}, and its class after Finds")
    title = " ".join(title.split()).removesuffix("(pure).").strip()
    return Rule(code=code, cls=FindingClass(found["cls"]), title=title, sections=sections)
