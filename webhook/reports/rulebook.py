"""The manual pages of the checks, for terminals, docs/checks and SARIF (pure)."""

import re
from dataclasses import dataclass
from functools import cache
from textwrap import fill

from webhook.policy.checks.catalogue import CHECKS
from webhook.policy.checks.manual import Manual, parse
from webhook.policy.finding import Code, FindingClass

_INDENT = " " * 11
_WIDTH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One check: its code, the class of its findings, its page, and whether it runs only where a level is stated."""

    code: Code
    cls: FindingClass
    page: Manual
    off: bool

    @property
    def text(self) -> str:
        """The page for a terminal."""
        parts = [
            fill(text, _WIDTH, initial_indent=f"{name}:".ljust(len(_INDENT)), subsequent_indent=_INDENT)
            for name, text in _sections(self.page)
        ]
        return "\n".join([f"{self.code} ({self.kind})", "", self.page.title, "", *parts])

    @property
    def markdown(self) -> str:
        """The page for docs/checks; what the kubelet says is kept as it is, for those who search for it."""
        parts = [
            f"**{name}:**\n\n```text\n{_clauses(text)}\n```" if name == "Predicts" else f"**{name}:** {_escaped(text)}"
            for name, text in _sections(self.page)
        ]
        return "\n\n".join([f"# {self.code}", f"*{self.kind}.* {_escaped(self.page.title)}", *parts]) + "\n"

    @property
    def kind(self) -> str:
        """The class, and whether the check is off by default."""
        return f"{self.cls}, off by default" if self.off else self.cls.value


@cache
def rulebook() -> tuple[Rule, ...]:
    """Return all rules in the order of the checks."""
    return tuple(Rule(code=each.code, cls=each.cls, page=parse(each.page), off=each.off) for each in CHECKS)


def _sections(page: Manual) -> tuple[tuple[str, str], ...]:
    return (
        ("Looks at", page.looks_at),
        ("Passes", page.passes),
        ("Finds", page.finds),
        ("Predicts", page.predicts),
        ("Fix", page.fix),
    )


def _clauses(text: str) -> str:
    """Return one clause a line, however long: a message that is broken up is not found by who searches for it."""
    return "\n".join(part if part.endswith(".") else f"{part};" for part in text.split("; ")).rstrip(";")


def _escaped(text: str) -> str:
    return re.sub(r"([*_<\[|])", r"\\\1", text)
