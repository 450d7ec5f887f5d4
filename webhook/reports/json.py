"""JSON, schemaVersion "1" (pure)."""

import json

from webhook.reports.report import Report
from webhook.reports.shape import shape


def render(report: Report) -> str:
    """Return the report as indented JSON."""
    return json.dumps(shape(report), indent=2, ensure_ascii=False) + "\n"
