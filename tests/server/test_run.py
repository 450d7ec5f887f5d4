"""What the loop tells of what nobody caught."""

import asyncio
import logging
import socket

import pytest

from webhook.server.run import tell_uncaught


async def failed() -> None:
    raise OSError("no disk")


@pytest.mark.parametrize(
    "error", [socket.gaierror(-3, "Temporary failure in name resolution"), ConnectionResetError("reset")]
)
async def test_the_end_of_a_connection_is_no_error(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()
    with caplog.at_level(logging.INFO):
        tell_uncaught(loop, {"message": "Future exception was never retrieved", "exception": error, "future": future})
        closed = RuntimeError("unable to perform operation on <TCPTransport>; the handler is closed")
        tell_uncaught(loop, {"message": "Fatal error on SSL protocol", "exception": closed, "transport": object()})
    assert caplog.records == []
    future.cancel()


async def test_all_else_is_an_error(caplog: pytest.LogCaptureFixture) -> None:
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(failed())
    with pytest.raises(OSError, match="no disk"):
        await task
    tell_uncaught(loop, {"message": "Task exception was never retrieved", "exception": OSError(), "future": task})
    tell_uncaught(loop, {"message": "Exception in callback", "exception": ValueError("a bug")})
    tell_uncaught(loop, {"message": "Unclosed transport"})
    assert [record.levelname for record in caplog.records] == ["ERROR"] * 3
