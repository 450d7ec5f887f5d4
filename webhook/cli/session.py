"""What a command may touch of the world around it.

Made once by `webhook.__main__`; tests make their own. A command is a function of typer's context, whose `obj` is the
session, and of its options; it returns its exit code.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, TextIO

import typer

from webhook.reports.escape import clean

if TYPE_CHECKING:
    from webhook.cli.judging import OpenPipeline

OK = 0
FINDINGS = 1
USAGE = 2
INCONCLUSIVE = 3
INTERRUPTED = 130


class UsageProblem(ValueError):
    """What was asked for cannot be done as it was asked; one line that says what to do instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """The environment and the three streams; `argv` without the program's name.

    `pipelines` opens them; None for the real one, and only then are ways to servers tried beside (`explain`).
    """

    argv: tuple[str, ...]
    environ: Mapping[str, str]
    stdin: BinaryIO
    out: TextIO
    err: TextIO
    pipelines: "OpenPipeline | None" = None

    def say(self, message: str) -> None:
        """Tell the person something that is no finding, in one line; names of files are written by strangers, too."""
        print(f"pullproof: {clean(message)}", file=self.err)

    @property
    def colours(self) -> bool:
        """Whether standard output takes colours (no-color.org)."""
        return self.out.isatty() and not self.environ.get("NO_COLOR") and self.environ.get("TERM") != "dumb"

    @property
    def watched(self) -> bool:
        """Whether a person sees standard error."""
        return self.err.isatty() and self.environ.get("TERM") != "dumb"


def session_of(context: typer.Context) -> Session:
    """Return the session of a running command."""
    session = context.obj
    if not isinstance(session, Session):
        raise TypeError("commands run through webhook.cli.app.run")
    return session
