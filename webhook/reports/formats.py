"""The formats by name (pure). Each is one module with `render(report) -> str`."""

from collections.abc import Callable
from enum import StrEnum
from importlib import import_module

from webhook.reports.report import Report


class Format(StrEnum):
    """What `-o` takes; the module is named after the value."""

    TEXT = "text"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"
    SARIF = "sarif"
    JUNIT = "junit"
    GITHUB = "github"
    GITLAB = "gitlab"
    MARKDOWN = "markdown"
    POLICY_REPORT = "policy-report"
    HTML = "html"


def render(report: Report, name: Format, *, colours: bool = False) -> str:
    """Return the report in a format; only text and wide know colours."""
    rendered: Callable[..., str] = import_module(f"webhook.reports.{name.replace('-', '_')}").render
    if name in (Format.TEXT, Format.WIDE):
        return rendered(report, colours=colours)
    return rendered(report)
