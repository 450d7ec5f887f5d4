"""Which format goes where, and writing it (I/O).

    -o text -o sarif --output results.sarif      text to standard output, SARIF to the file

A file belongs to the `-o` before it. Only one format can go to standard output; without any `-o` it is text.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from tempfile import NamedTemporaryFile

from webhook.cli.session import Session, UsageProblem
from webhook.reports.formats import Format, render
from webhook.reports.report import Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One format, and the file it goes to; None for standard output."""

    format: Format
    file: str | None = None


def targets(argv: Sequence[str], formats: Sequence[Format], files: Sequence[str]) -> tuple[Target, ...]:
    """Pair formats and files in the order of the command line; raise `UsageProblem` where they cannot be paired.

    `formats` and `files` are what the parser made of `argv`, which alone knows the order.
    """
    paired: list[Target] = []
    for option, value in _ordered(argv):
        if option == "-o":
            paired.append(Target(format=Format(value)))
        elif paired and paired[-1].file is None:
            paired[-1] = replace(paired[-1], file=value)
        else:
            raise UsageProblem(f"--output {value} has no format; write `-o FORMAT --output {value}`")
    if [one.format for one in paired] != list(formats) or [one.file for one in paired if one.file] != list(files):
        raise UsageProblem("-o and --output cannot be told apart; write them as `-o FORMAT --output FILE`")
    if sum(one.file is None for one in paired) > 1:
        raise UsageProblem("two formats for standard output; give all but one a file: `-o FORMAT --output FILE`")
    return tuple(paired) or (Target(format=Format.TEXT),)


def _ordered(argv: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield each `-o` and `--output` with its value, in order."""
    words = iter(argv)
    for word in words:
        name, equals, value = word.partition("=")
        if word == "--":
            return
        if name in ("-o", "--format", "--output"):
            option = "--output" if name == "--output" else "-o"
            yield option, value if equals and name != "-o" else next(words, "")
        elif word.startswith("-o"):
            yield "-o", word[2:]


def write(report: Report, wanted: Iterable[Target], session: Session) -> None:
    """Write the report everywhere it is wanted; raise `UsageProblem` where a file cannot be written."""
    for target in wanted:
        text = render(report, target.format, colours=target.file is None and session.colours)
        if target.file is None:
            session.out.write(_encodable(text, session))
            session.out.flush()
        else:
            write_file(target.file, text)


def _encodable(text: str, session: Session) -> str:
    """Keep a terminal of another encoding than UTF-8 from ending the program."""
    encoding = session.out.encoding or "utf-8"
    return text.encode(encoding, "replace").decode(encoding)


def write_file(file: str, text: str) -> None:
    """Write a file whole or not at all; what is no regular file (a pipe, /dev/stdout) is written as it is.

    Raise `UsageProblem` where that cannot be done.
    """
    try:
        if os.path.exists(file) and not os.path.isfile(file):
            with open(file, "w", encoding="utf-8") as stream:
                stream.write(text)
            return
        with NamedTemporaryFile("w", encoding="utf-8", dir=os.path.dirname(file) or ".", delete=False) as whole:
            whole.write(text)
        os.chmod(whole.name, 0o644)
        os.replace(whole.name, file)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageProblem(f"cannot write {file!r}: {reason}; name another file") from error
