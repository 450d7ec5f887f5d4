"""Log lines."""

import io
import json
import logging
import threading

import pytest

from webhook.server.log import JsonFormatter, Seldom, Unhurried, configure_logging, fields


@pytest.fixture
def logger() -> tuple[logging.Logger, io.StringIO]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    logger = logging.Logger("pullproof.test")  # noqa: LOG001 - one of its own, unknown to the rest
    logger.addHandler(handler)
    return logger, stream


def test_one_line_of_plain_ascii_whatever_is_logged(logger: tuple[logging.Logger, io.StringIO]) -> None:
    log, stream = logger
    hostile = "a\nb\x1b[31m\x7f\x9b\u202e\u2028é\ud800"
    log.info("denied", extra=fields(name=hostile, codes=["x"], ms=1.5))
    line = stream.getvalue()
    assert line.count("\n") == 1
    assert line.isascii()
    assert line.strip().isprintable()
    entry = json.loads(line)
    assert entry.pop("time").endswith("+00:00")
    assert entry == {
        "level": "info",
        "logger": "pullproof.test",
        "message": "denied",
        "name": hostile,
        "codes": ["x"],
        "ms": 1.5,
    }


def test_long_texts_are_cut_and_tracebacks_stay_on_the_line(logger: tuple[logging.Logger, io.StringIO]) -> None:
    log, stream = logger
    try:
        1 / 0  # noqa: B018
    except ZeroDivisionError:
        log.exception("failed", extra=fields(name="x" * 10_000))
    entry = json.loads(stream.getvalue())
    assert stream.getvalue().count("\n") == 1
    assert "ZeroDivisionError" in entry["exception"]
    assert len(entry["name"]) == 2048


class Stuck(logging.Handler):
    """A handler whose pipe is full until `free` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.free = threading.Event()
        self.busy = threading.Event()
        self.written: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.busy.set()
        self.free.wait()
        self.written.append(record.getMessage())


def test_a_log_that_nobody_reads_holds_up_nobody_and_tells_what_was_lost() -> None:
    stuck = Stuck()
    handler = Unhurried(stuck, most=2)
    log = logging.Logger("pullproof.test")  # noqa: LOG001 - one of its own, unknown to the rest
    log.addHandler(handler)
    log.info("being written")
    stuck.busy.wait()
    for number in range(5):
        log.info("line %d", number)
    stuck.free.set()
    handler.flush()
    log.info("after")
    handler.close()
    expected = ["being written", "line 0", "line 1", "3 log lines were lost: nobody read the log", "after"]
    assert stuck.written == expected


def test_what_strangers_bring_about_is_told_once_a_second() -> None:
    now = 0.0
    seldom = Seldom(every=1.0, clock=lambda: now)

    def told(text: str, *values: object) -> bool:
        return bool(seldom.filter(logging.LogRecord("x", logging.WARNING, __file__, 0, text, values, None)))

    assert [told("no HTTP") for _ in range(3)] == [True, False, False]
    assert [told("from %s", number) for number in range(3)] == [True, False, False]
    now = 1.5
    assert told("no HTTP")
    bug = logging.LogRecord("x", logging.ERROR, __file__, 0, "a bug", (), None)
    assert [seldom.filter(bug) for _ in range(2)] == [True, True]


def test_the_servers_own_warnings_are_told_seldom() -> None:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    names = ("pullproof.http", "uvicorn.error", "uvicorn", "httpcore", "httpx")
    levels = [logging.getLogger(name).level for name in names]
    stream = io.StringIO()
    configure_logging(stream=stream)
    try:
        for _ in range(500):
            logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
            logging.getLogger("pullproof.http").warning("too many connections, one was closed")
        for handler in root.handlers:
            handler.flush()
        assert 2 <= len(stream.getvalue().splitlines()) < 20
    finally:
        for handler in root.handlers:
            handler.close()
        root.handlers[:] = before
        root.setLevel(level)
        for name, each in zip(names, levels, strict=True):
            logging.getLogger(name).setLevel(each)
            logging.getLogger(name).filters.clear()
