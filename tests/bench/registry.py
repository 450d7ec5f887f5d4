"""The embedded registry of the bench: open, over TLS, with images enough; says on request how often it was asked (I/O).

`python registry.py TAGS CA_OUT [DELAY]` prints its port, then for each line on stdin one line of JSON: the requests
since the last line, by method. DELAY: the seconds that it takes to answer.
"""

import asyncio
import json
import shutil
import sys
from collections import Counter
from pathlib import Path

from webhook.demo.images import ImageSpec
from webhook.demo.server import serving
from webhook.demo.site import Repository, Rule, Site
from webhook.demo.world import Listener, World


async def serve(tags: int, ca: Path, delay: float) -> None:
    """Serve until stdin ends. One small image under many names: what is asked for counts, not what is held."""
    slow = (Rule(delay=delay),) if delay else ()
    world = World([Site(hosts=("localhost",), repositories=(_repository(tags),))], rules=slow)
    async with serving(world, [Listener()]) as server:
        shutil.copy(server.ca, ca)
        say(str(server.ports[0]))
        commands = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
        while await commands.readline():
            say(json.dumps(Counter(asked.method for asked in world.asked)))
            world.asked.clear()


def say(line: str) -> None:
    """Print one line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _repository(tags: int) -> Repository:
    spec = ImageSpec(platforms=("linux/amd64", "linux/arm64"))
    return Repository(name="bench/app", tags={f"v{number}": spec for number in range(tags)})


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]) if sys.argv[3:] else 0.0))
