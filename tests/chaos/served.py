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
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        while True:
            connection, _ = listening.accept()
            with connection:
                connection.sendall(json.dumps({"tasks": _tasks()}).encode())


def _tasks() -> int:
    return sum(isinstance(each, asyncio.Task) and not each.done() for each in gc.get_objects())


if __name__ == "__main__":
    threading.Thread(target=_peephole, args=(sys.argv.pop(1),), daemon=True).start()
    main()
