"""What was found in the documents, each with its place (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from webhook.documents.node import Span
from webhook.workload.workload import Workload


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A place in a file: lines and columns count from 1, in characters; the end is exclusive."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int

    @classmethod
    def of(cls, file: str, span: Span) -> "Source":
        """Return the place of a node."""
        return cls(file=file, line=span.line, column=span.column, end_line=span.end_line, end_column=span.end_column)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why a file, or a part of it, could not be judged, and what to do. `line` is 0 where no line is to blame."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcedWorkload:
    """A workload with the place of each of its images, by field path.

    `ignores`: by field path, the codes that a comment on the image's line asks to ignore, with their reasons.
    """

    workload: Workload
    api_version: str
    file: str
    sources: Mapping[str, Source] = field(default_factory=dict)
    ignores: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestSecret:
    """A Secret as it would be stored; what it holds never appears in a text."""

    namespace: str
    name: str
    type: str
    content: Mapping[str, bytes] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestAccount:
    """A ServiceAccount and the pull secrets that it gives to its pods."""

    namespace: str
    name: str
    pull_secrets: tuple[str, ...]
