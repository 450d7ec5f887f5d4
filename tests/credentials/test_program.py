import asyncio
import os
from pathlib import Path

import pytest

from webhook.credentials.program import ProgramFailed, run

ENVIRONMENT = {"PATH": "/usr/bin:/bin"}


async def sh(script, *, seconds=10.0, given=b"", max_output=1 << 20, environment=ENVIRONMENT):
    return await run(
        ("/bin/sh", "-c", script), given=given, environment=environment, seconds=seconds, max_output=max_output
    )


async def test_answer():
    answer = await sh("cat; echo $NAME; exit 3", given=b"hello ", environment={**ENVIRONMENT, "NAME": "you"})
    assert (answer.status, answer.output) == (3, b"hello you\n")


async def test_environment_is_what_is_given():
    assert "HOME" in os.environ
    assert (await sh('printf "%s" "$HOME"')).output == b""


async def test_answer_has_no_repr():
    assert "hunter2" not in repr(await sh("echo hunter2"))


async def test_program_that_does_not_listen():
    assert (await sh("exec 0<&-; echo done", given=b"x" * 1_000_000)).output == b"done\n"


async def test_standard_error_is_not_read():
    answer = await sh("head -c 1000000 /dev/zero >&2; echo done")
    assert answer.output == b"done\n"


@pytest.mark.parametrize("command", ["/nowhere/at/all", "/etc/passwd", "/etc", "nul\0byte"])
async def test_cannot_be_run(command):
    with pytest.raises(ProgramFailed, match="cannot be run"):
        await run((command,), given=b"", environment=ENVIRONMENT, seconds=1)


async def test_too_much_output_ends_it():
    with pytest.raises(ProgramFailed, match="wrote more than 1000 bytes"):
        await sh("yes", max_output=1000)


async def test_time_ends_it_with_its_children(tmp_path: Path):
    """The child would write a file later; it is ended too, though it holds the pipe open."""
    late = tmp_path / "late"
    with pytest.raises(ProgramFailed, match=r"gave no answer within 0\.3 s"):
        await sh(f"(sleep 1; touch {late}) & sleep 600", seconds=0.3)
    await asyncio.sleep(1.2)
    assert not late.exists()


async def test_cancellation_ends_it(tmp_path: Path, appearing):
    pid = tmp_path / "pid"
    task = asyncio.create_task(sh(f"echo $$ > {pid}; sleep 600"))
    number = int(await appearing(pid))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)


@pytest.mark.parametrize("turns", range(6))
async def test_cancellation_ends_what_is_just_being_started(tmp_path: Path, turns: int):
    """Wherever in its start: nothing is left that would write the file."""
    late = tmp_path / "late"
    task = asyncio.create_task(sh(f"(sleep 0.5; touch {late}) & sleep 600"))
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.7)
    assert not late.exists()
