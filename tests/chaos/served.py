"""`python served.py PEEPHOLE serve …`: the real `pullproof serve`, with a peephole.

Whoever connects to the Unix socket PEEPHOLE is told how many asyncio tasks are under way, which nobody can see from
outside the process. Nothing else differs from the console script.
"""

import asyncio
import json
import socket
import sys
import threading

from webhook.__main__ import main


def _peephole(path: str) -> None:
    loop: asyncio.AbstractEventLoop | None = None
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        while True:
            connection, _ = listening.accept()
            with connection:
                loop = loop or _loop()
                tasks = 0 if loop is None else len(asyncio.all_tasks(loop))
                connection.sendall(json.dumps({"tasks": tasks}).encode())


def _loop() -> asyncio.AbstractEventLoop | None:
    """Return the main thread's event loop, once it runs: its runner is somewhere in that thread's calls."""
    frame = sys._current_frames().get(threading.main_thread().ident or 0)
    while frame is not None:
        runner = frame.f_locals.get("self")
        if isinstance(runner, asyncio.Runner):
            return runner.get_loop()
        frame = frame.f_back
    return None


if __name__ == "__main__":
    threading.Thread(target=_peephole, args=(sys.argv.pop(1),), daemon=True).start()
    main()
