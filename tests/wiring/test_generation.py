"""What one reading of the configuration makes, and what becomes of it when the files that it names change."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from certs.issue import issue_authority
from webhook.image.reference import Reference
from webhook.registry.observer import NullObserver
from webhook.settings.decoding import decode
from webhook.wiring.generation import Generations
from webhook.wiring.registries import Surroundings

MIRROR = '[host."https://127.0.0.1:{port}"]\n'


async def asked(generations: Generations) -> set[str]:
    """Return whom a look for an image asks; no address here answers, the guard refuses them all."""
    later = asyncio.get_running_loop().time() + 5
    found = await generations.resolve(
        Reference.parse("192.0.2.1/team/app:1"), (), deadline=later, not_before=float("-inf")
    )
    return {attempt.endpoint for attempt in found.attempts}


async def test_a_changed_tree_of_hosts_is_read_again(tmp_path: Path) -> None:
    folder = tmp_path / "192.0.2.1"
    folder.mkdir()
    (folder / "hosts.toml").write_text(MIRROR.format(port=1))
    settings = decode(f"{{nodes: {{hostsDir: {tmp_path}}}, network: {{deny: [192.0.2.0/24]}}}}")
    async with Generations(Surroundings(environment={}), NullObserver()) as generations:
        await generations.adopt(settings)
        before = generations.policy
        follower = asyncio.create_task(generations.follow_hosts(every=0.01))
        try:
            assert "https://127.0.0.1:1" in await asked(generations)
            assert generations.policy is before, "nothing has changed"
            (folder / "hosts.toml").write_text(MIRROR.format(port=2))
            for _ in range(500):
                if "https://127.0.0.1:2" in await asked(generations):
                    break
                await asyncio.sleep(0.02)
            assert "https://127.0.0.1:1" not in await asked(generations)
            (folder / "hosts.toml").write_text("[host")
            for _ in range(500):
                if generations.policy.statements.mirrors:
                    break
                await asyncio.sleep(0.02)
            assert "hosts.toml" in generations.policy.statements.mirrors, "what cannot be read is doubted"
        finally:
            follower.cancel()


class Broken(dict[str, str]):
    """An environment that cannot be read."""

    def get(self, *_: object) -> str:
        raise OSError("no environment")

    __getitem__ = get


async def test_what_nobody_foresaw_ends_a_reading_instead_of_holding_it_for_ever() -> None:
    async with Generations(Surroundings(environment=Broken()), NullObserver()) as generations:
        with pytest.raises(OSError, match="no environment"):
            await generations.adopt(decode("{network: {proxyFromEnvironment: true}}"))
        await generations.adopt(decode("{network: {proxyFromEnvironment: false}}"))


def authorities(folder: Path) -> str:
    """Return settings with ten authorities of registries."""
    now = datetime.now(UTC)
    rows = []
    for number in range(10):
        file = folder / f"{number}.crt"
        file.write_bytes(issue_authority(now, timedelta(days=1)).certificate)
        rows.append(f"{{match: r{number}.example, caFile: {file}}}")
    return f"{{registries: [{', '.join(rows)}]}}"


def shared_cache(folder: Path) -> str:
    """Return settings with a cache of replicas, over TLS."""
    (folder / "password").write_text("of the store")
    shared = {"enabled": True, "url": "rediss://127.0.0.1:1", "passwordFile": str(folder / "password")}
    return json.dumps({"cache": {"shared": shared}})


@pytest.mark.parametrize("settings", [authorities, shared_cache])
async def test_reviews_go_on_while_files_are_read_and_keys_made(
    tmp_path: Path, settings: Callable[[Path], str]
) -> None:
    turns = 0

    async def go_on() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with Generations(Surroundings(environment={}), NullObserver()) as generations:
        going = asyncio.create_task(go_on())
        await generations.adopt(decode(settings(tmp_path)))
        going.cancel()
    assert turns > 50, "each of them takes OpenSSL longer than some hundred turns of the loop"
