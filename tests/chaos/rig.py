"""Everything one run is made of: the webhook, and all that it depends on behind doors (I/O).

Which parts there are, beside registry, token service and name server, depends on what is to be spoilt: `Parts`.
"""

import asyncio
import itertools
import json
import os
import ssl
import struct
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import doors
import kubeapi
import stage
import world
from names import NameServer
from traffic import Caller, Load
from webhook_process import Webhook
from world import ADDRESSES, API, HOST, REDIS, REGISTRY, TOKENS

from certs.issue import issue_authority, issue_leaf
from certs.keypair import KeyPair
from webhook.cluster.client import open_cluster
from webhook.demo.authority import Authority
from webhook.demo.site import Certificate

_WALL_CLOCK = Path(__file__).with_name("wallclock.c")
RATE = 40.0
"""Reviews a second, of all sorts together."""

PASSWORD = "of the store"
ENTRIES = 200
"""Answers that are kept: soon as many as there can be, so that what grows after that grows for ever."""

_DRAIN = "0s"


@dataclass(frozen=True)
class Parts:
    """Which parts a run has; `clock`: the webhook's wall clock can be set; `hosts`: it reads a hosts.toml tree."""

    cluster: bool = False
    redis: bool = False
    clock: bool = False
    hosts: bool = False
    drain: str = _DRAIN


@dataclass
class Scene:
    """One open run. `disk` is the small disk that the webhook's files are on; `second` a replica, not started yet."""

    folder: Path
    disk: Path
    parts: Parts
    doors: doors.Doors
    names: NameServer
    registries: world.Registries
    serving: KeyPair
    webhook: Webhook
    caller: Caller
    load: Load
    in_service: list[int]
    second: Webhook
    redis: "subprocess.Popen[bytes] | None" = None
    issuer: KeyPair | None = None

    def tls(self, name: str, kind: Certificate = Certificate.VALID) -> ssl.SSLContext:
        """Return a server's TLS context that shows a certificate for a name (or a loopback address)."""
        return self.registries.authority.context(name, kind)

    @property
    def configuration(self) -> Path:
        return self.disk / "config.yaml"

    def issue(self, *, days: int = 1, ago: int = 0) -> KeyPair:
        """Issue one more serving certificate, for `days`, some days ago."""
        if self.issuer is None:
            raise RuntimeError("no authority")
        began = datetime.now(UTC) - timedelta(days=ago)
        return issue_leaf(self.issuer, ["127.0.0.1"], began, timedelta(days=days))

    def install(self, pair: KeyPair) -> None:
        """Put a serving certificate where the webhook reads it."""
        replace(self.disk / "tls.crt", pair.certificate)
        replace(self.disk / "tls.key", pair.key)

    async def cut(self) -> None:
        """Cut every connection through the doors: what comes next needs a new one."""
        for door in self.doors.all:
            await door.cut()

    def set_clock(self, ahead: float) -> None:
        """Set the webhook's wall clock so many seconds ahead of the machine's, or back."""
        with (self.folder / "clock").open("r+b", buffering=0) as file:
            file.write(struct.pack("=q", int(ahead * 1e9)))


def replace(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    beside = path.with_name(f".{path.name}.new")
    beside.write_bytes(content)
    beside.rename(path)


@asynccontextmanager
async def opened(parts: Parts) -> AsyncIterator[Scene]:
    """Open a run on the stage; the webhook serves and judges rightly when this yields."""
    asyncio.get_running_loop().set_exception_handler(_unless_aborted)
    stage.prepare()
    folder, disk = stage.FOLDER, stage.FOLDER / "disk"
    stage.mount_small(disk, "4m")
    async with AsyncExitStack() as stack:
        names = await stack.enter_async_context(NameServer(stage.NAMESERVER, ADDRESSES))
        authority = Authority(folder)
        registries = await stack.enter_async_context(world.served(authority))
        gates = await stack.enter_async_context(doors.opened(folder))
        for name, number, port in ((REGISTRY, 5000, 0), (TOKENS, 5001, 1)):
            upstream = f"127.0.0.1:{registries.ports[port]}"
            await gates.make(name, ADDRESSES[name], number, upstream, name)
        arguments = ["--config", str(disk / "config.yaml")]
        arguments += await _cluster(stack, folder, authority, gates) if parts.cluster else _documents(folder)
        redis = await _redis(stack, folder, authority, gates) if parts.redis else None
        now = datetime.now(UTC)
        issuer = issue_authority(now, timedelta(days=60))
        trust = ssl.create_default_context(cadata=issuer.certificate.decode("ascii"))
        webhook = Webhook(arguments, _environment(folder, parts), folder)
        serving = [webhook.port]  # who wants more replicas to be asked, adds their ports
        turns = itertools.count()
        caller = Caller(registries, lambda: serving[next(turns) % len(serving)], trust)
        stack.push_async_callback(caller.aclose)
        scene = Scene(
            folder=folder,
            disk=disk,
            parts=parts,
            doors=gates,
            names=names,
            registries=registries,
            serving=issue_leaf(issuer, ["127.0.0.1"], now, timedelta(days=1)),
            webhook=webhook,
            caller=caller,
            load=Load(caller, RATE),
            in_service=serving,
            second=Webhook(arguments, _environment(folder, parts), folder),
            redis=redis,
            issuer=issuer,
        )
        scene.install(scene.serving)
        replace(disk / "ca.crt", authority.file.read_bytes())
        replace(scene.configuration, configuration(scene))
        webhook.start()
        stack.callback(lambda: webhook.process.kill())
        await webhook.ready()
        await _judges(scene)
        yield scene


def _unless_aborted(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Report what nobody caught, but not a connection of an impostor that both sides ended at once."""
    if "_call_connection_lost" not in str(context.get("handle", "")):
        loop.default_exception_handler(context)


def configuration(scene: Scene, **more: object) -> bytes:
    """Return the configuration of a run; JSON is YAML."""
    disk = scene.disk
    nodes: dict[str, object] = {"logins": "none", "podMutators": "none"}
    if scene.parts.hosts:
        tree = disk / "certs.d" / HOST
        tree.mkdir(parents=True, exist_ok=True)
        (tree / "hosts.toml").write_text(f'server = "https://{HOST}"\nca = "{disk / "ca.crt"}"\n', encoding="ascii")
        nodes["hostsDir"] = str(disk / "certs.d")
    settings: dict[str, object] = {
        "apiVersion": "config.pullproof.dev/v1alpha1",
        "kind": "PullproofConfiguration",
        "nodes": nodes,
        "network": {"allow": ["127.0.0.0/8"]},
        "registries": [{"match": HOST, "caFile": str(disk / "ca.crt")}],
        "cache": {"maxEntries": ENTRIES},
        "server": {
            "certFile": str(disk / "tls.crt"),
            "keyFile": str(disk / "tls.key"),
            "drain": scene.parts.drain,
        },
    }
    if scene.parts.redis:
        url = f"rediss://{REDIS}:6379?ssl_ca_certs={disk / 'ca.crt'}"
        shared = {"enabled": True, "url": url, "passwordFile": str(scene.folder / "redis-password"), "timeout": "100ms"}
        settings["cache"] = {"maxEntries": ENTRIES, "shared": shared}
    return json.dumps(settings | more, indent=1).encode()


async def _judges(scene: Scene) -> None:
    """Wait until every sort of pod is judged rightly."""
    end = time.monotonic() + 30
    while True:
        outcomes = await scene.caller.ask_all()
        if all(each.right for each in outcomes):
            return
        if time.monotonic() > end:
            raise RuntimeError(f"the webhook does not judge rightly: {outcomes}\n{scene.webhook.log.text[-2000:]}")
        await asyncio.sleep(0.1)


def _environment(folder: Path, parts: Parts) -> dict[str, str]:
    found = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    found |= {"TMPDIR": str(folder / "disk"), "POD_NAMESPACE": world.NAMESPACE, "PYTHONUNBUFFERED": "1"}
    if not parts.clock:
        return found
    library, clock = folder / "wallclock.so", folder / "clock"
    if not library.exists():
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", str(library), str(_WALL_CLOCK)], check=True)
        clock.write_bytes(bytes(8))
    return found | {"LD_PRELOAD": str(library), "WALLCLOCK": str(clock)}


def _documents(folder: Path) -> list[str]:
    objects = [*(world.pull_secret(name) for name in world.SECRETS), world.account()]
    (folder / "documents.yaml").write_text("\n---\n".join(json.dumps(each) for each in objects), encoding="utf-8")
    return ["--no-cluster", "--documents", str(folder / "documents.yaml")]


async def _cluster(stack: AsyncExitStack, folder: Path, authority: Authority, gates: doors.Doors) -> list[str]:
    place = folder / "cluster"
    place.mkdir()
    server = stack.enter_context(kubeapi.running(place, pair=authority.pair("127.0.0.1"), ca=authority.file))
    door = await gates.make(API, ADDRESSES[API], 6443, server.url.removeprefix("https://"), "127.0.0.1")
    async with open_cluster(server.kubeconfig("admin")) as api:
        for path, body in (
            ("", {"metadata": {"name": world.NAMESPACE}}),
            (f"/{world.NAMESPACE}/serviceaccounts", world.account()),
            *((f"/{world.NAMESPACE}/secrets", world.pull_secret(name)) for name in world.SECRETS),
        ):
            await api.request("POST", f"/api/v1/namespaces{path}", body=body)
    way = server.kubeconfig("admin", namespace=world.NAMESPACE, url=f"https://{door.listen}", tls_name="127.0.0.1")
    return ["--kubeconfig", way]


async def _redis(
    stack: AsyncExitStack, folder: Path, authority: Authority, gates: doors.Doors
) -> "subprocess.Popen[bytes]":
    (folder / "redis-password").write_text(PASSWORD, encoding="ascii")
    (folder / "redis").mkdir()
    pair, port = str(authority.pair(REDIS)), kubeapi.free_port()
    flags = {"port": "0", "tls-port": str(port), "bind": "127.0.0.1", "requirepass": PASSWORD, "save": ""}
    flags |= {"tls-cert-file": pair, "tls-key-file": pair, "tls-auth-clients": "no", "appendonly": "no"}
    command = ["redis-server", *(word for name, value in flags.items() for word in (f"--{name}", value))]
    process = kubeapi.start(folder / "redis", *command)
    stack.callback(process.wait)
    stack.callback(process.kill)
    await gates.make(REDIS, ADDRESSES[REDIS], 6379, f"127.0.0.1:{port}", REDIS)
    return process
