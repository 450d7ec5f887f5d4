"""`python served.py PEEPHOLE serve …`: the real `pullproof serve`, with a peephole.

Whoever connects to the Unix socket PEEPHOLE is told how many asyncio tasks are under way, which nobody can see from
outside the process. Nothing else differs from the console script.
"""

import asyncio
import gc
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
    """Find the event loop by one of its tasks: looking through all objects takes a while, so it is done once."""
    return next((each.get_loop() for each in gc.get_objects() if isinstance(each, asyncio.Task)), None)


if __name__ == "__main__":
    threading.Thread(target=_peephole, args=(sys.argv.pop(1),), daemon=True).start()
    main()
