"""Logging as JSON, one line per event (I/O: standard error).

The only place that formats log lines. Everything but printable ASCII is escaped, so that no text from a request can
move a cursor or begin a line of its own. Fields are given by the caller, never whole objects.
"""

import json
import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TextIO

_LONGEST = 2048


def fields(**values: object) -> Mapping[str, object]:
    """Return `extra` for a log call: `logger.info("denied", extra=fields(uid=…))`."""
    return {"fields": values}


class JsonFormatter(logging.Formatter):
    """One JSON object per record: time, level, logger, message, the caller's fields, and the traceback of a bug."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line."""
        entry: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        extra = getattr(record, "fields", None)
        if isinstance(extra, Mapping):
            entry |= {str(key): _bounded(value) for key, value in extra.items()}
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str).replace("\x7f", "\\u007f")


def configure_logging(level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """Send every logger's lines through one JSON handler."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # The server's own chatter (started, finished, waiting) is told by run.py in fewer words.
    logging.getLogger("uvicorn").setLevel(max(level, logging.WARNING))
    # These write whole headers at debug level, and registries have been seen to repeat a login in theirs.
    for name in ("httpcore", "httpx"):
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


def _bounded(value: object) -> object:
    return value[:_LONGEST] if isinstance(value, str) else value
