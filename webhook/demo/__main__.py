"""`python -m webhook.demo SCRIPT.yaml`: serve the registries of a script until a signal ends it (I/O)."""

import asyncio
import signal
import sys
from pathlib import Path

import msgspec

from webhook.demo.server import serving
from webhook.demo.world import Script, World

_USAGE = "usage: python -m webhook.demo SCRIPT.yaml [CA.crt CA.key]"


async def _serve(script: Script, ca: tuple[Path, Path] | None) -> None:
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, over.set)
    async with serving(World(script.sites, script.rules), script.listeners, ca=ca) as server:
        places = zip(script.listeners, server.ports, strict=True)
        sys.stdout.write("".join(f"{each.transport} {each.address}:{port}\n" for each, port in places))
        sys.stdout.write(f"ca {server.ca}\n")
        sys.stdout.flush()
        await over.wait()


def main(arguments: list[str]) -> int:
    """Return the exit code: 0 after a signal, 2 for a script that cannot be served."""
    if len(arguments) not in (1, 3):
        sys.stderr.write(_USAGE + "\n")
        return 2
    script, *authority = (Path(text) for text in arguments)
    try:
        decoded = msgspec.yaml.decode(script.read_bytes(), type=Script)
        asyncio.run(_serve(decoded, (authority[0], authority[1]) if authority else None))
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{str(script)!r}: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
