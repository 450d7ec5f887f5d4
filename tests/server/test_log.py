"""Log lines."""

import io
import json
import logging

import pytest

from webhook.server.log import JsonFormatter, fields


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
