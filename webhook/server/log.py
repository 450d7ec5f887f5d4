"""Logging as JSON, one line per event (I/O: standard error, by a thread).

A log that nobody reads (a node whose runtime hangs, a disk that is full) must not hold up a review: writing blocks once
a pipe is full. So a thread writes, and what it cannot write in time is counted and dropped.

The only place that formats log lines. Everything but printable ASCII is escaped, so that no text from a request can
move a cursor or begin a line of its own. Fields are given by the caller, never whole objects.
"""

import contextlib
import json
import logging
import queue
import sys
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TextIO

_LONGEST = 2048
_MOST_WAITING = 4096
_PATIENCE = 1.0
"""Seconds for which the end of the process, or a flush, waits for lines to be written."""


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


class Unhurried(logging.Handler):
    """Hands records to another handler on a thread of its own; never waits for it.

    Beyond `most` records that wait, new ones are dropped; how many is told in a line once there is room again.
    """

    def __init__(self, writing: logging.Handler, *, most: int = _MOST_WAITING) -> None:
        super().__init__()
        self._writing = writing
        self._waiting: queue.Queue[logging.LogRecord | None] = queue.Queue(most)
        self._lost = 0
        self._thread = threading.Thread(target=self._write, name="log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Take a record, or count it."""
        try:
            if self._lost:
                self._waiting.put_nowait(_lost(self._lost))
                self._lost = 0
            self._waiting.put_nowait(record)
        except queue.Full:
            self._lost += 1

    def flush(self) -> None:
        """Wait until what was taken is written, for a second at most."""
        end = time.monotonic() + _PATIENCE
        while self._waiting.unfinished_tasks and self._thread.is_alive() and time.monotonic() < end:
            time.sleep(0.005)

    def close(self) -> None:
        """Write what waits, for a second at most, and end."""
        self.flush()
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait(None)
            self._thread.join(_PATIENCE)
        super().close()

    def _write(self) -> None:
        while (record := self._waiting.get()) is not None:
            self._writing.handle(record)
            self._waiting.task_done()


class Seldom(logging.Filter):
    """Lets each warning of a logger through once in `every` seconds: whoever reaches the port brings these about."""

    def __init__(self, every: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._every = every
        self._clock = clock
        self._told: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether it was not told of late; what is told apart is the text before its values are filled in."""
        if record.levelno >= logging.ERROR:
            return True
        now = self._clock()
        if now - self._told.get(str(record.msg), float("-inf")) < self._every:
            return False
        self._told[str(record.msg)] = now
        return True


def _lost(count: int) -> logging.LogRecord:
    message = "%d log lines were lost: nobody read the log"
    return logging.LogRecord("pullproof.log", logging.WARNING, __file__, 0, message, (count,), None)


def configure_logging(level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """Send every logger's lines through one JSON handler, which never holds up who logs."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level, handlers=[Unhurried(handler)], force=True)
    for name in ("pullproof.http", "uvicorn.error"):
        logging.getLogger(name).filters[:] = [Seldom()]
    # The server's own chatter (started, finished, waiting) is told by run.py in fewer words.
    logging.getLogger("uvicorn").setLevel(max(level, logging.WARNING))
    # These write whole headers at debug level, and registries have been seen to repeat a login in theirs.
    for name in ("httpcore", "httpx"):
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


def _bounded(value: object) -> object:
    return value[:_LONGEST] if isinstance(value, str) else value
