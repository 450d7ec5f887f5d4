"""The JSON shape as YAML (pure)."""

import yaml

from webhook.reports.report import Report
from webhook.reports.shape import Shape, shape


def render(report: Report) -> str:
    """Return the report as one YAML document."""
    return dump(shape(report))


def dump(value: Shape) -> str:
    """Write plain values in their order, one line a text."""
    return yaml.dump(value, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True, width=1_000_000)
