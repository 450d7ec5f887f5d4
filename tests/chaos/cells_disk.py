"""What can become of the files that the webhook reads and the log that it writes: the disk's row of the matrix."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import stage
from experiment import Cell, Fault
from rig import ENTRIES, Scene, configuration, replace

LIKELY = frozenset({"image-not-found", "unauthorized"})
"""Failures that are no longer certain, since mirrors that nobody can read might have the image."""


def changed(name: str, content: Callable[[Scene], bytes]) -> Fault:
    """A file holds something else for a while."""

    @asynccontextmanager
    async def apply(scene: Scene) -> AsyncIterator[None]:
        path = scene.disk / name
        before = path.read_bytes()
        replace(path, content(scene))
        try:
            yield
        finally:
            replace(path, before)

    return apply


def vanished(name: str) -> Fault:
    """A file or folder is not there for a while."""

    @asynccontextmanager
    async def apply(scene: Scene) -> AsyncIterator[None]:
        path = scene.disk / name
        away = path.with_name(f".{path.name}.away")
        path.rename(away)
        try:
            yield
        finally:
            away.rename(path)

    return apply


@asynccontextmanager
async def a_folder_in_its_place(scene: Scene) -> AsyncIterator[None]:
    """The configuration is a folder: Kubernetes makes one where a subPath was not there."""
    before = scene.configuration.read_bytes()
    scene.configuration.unlink()
    scene.configuration.mkdir()
    try:
        yield
    finally:
        scene.configuration.rmdir()
        replace(scene.configuration, before)


@asynccontextmanager
async def full(scene: Scene) -> AsyncIterator[None]:
    """Not a byte is left."""
    filling = scene.disk / "filling"
    with filling.open("wb") as file:
        try:
            while True:
                file.write(b"0" * 65536)
                file.flush()
        except OSError:
            pass  # that was the wish; closing fails as well
        file.truncate((file.tell() // 4096) * 4096)
    try:
        yield
    finally:
        filling.unlink()


@asynccontextmanager
async def read_only(scene: Scene) -> AsyncIterator[None]:
    """The file system was mounted read-only, as after an error of the disk."""
    stage.remount(scene.disk, "ro")
    try:
        yield
    finally:
        stage.remount(scene.disk, "rw")


@asynccontextmanager
async def log_unread(scene: Scene) -> AsyncIterator[None]:
    """Nobody reads the log any more: the pipe is full after a few lines."""
    scene.webhook.log.stalled.set()
    try:
        yield
    finally:
        scene.webhook.log.stalled.clear()


@asynccontextmanager
async def flapping(scene: Scene) -> AsyncIterator[None]:
    """The configuration is right, wrong, half written and gone, in turns."""
    good = configuration(scene)
    contents = (good, b"defaults: {enforce: maybe}", good[: len(good) // 2], None)

    async def flap() -> None:
        while True:
            for content in contents:
                if content is None:
                    scene.configuration.unlink()
                else:
                    replace(scene.configuration, content)
                await asyncio.sleep(0.35)

    task = asyncio.create_task(flap())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        replace(scene.configuration, good)


@asynccontextmanager
async def reissued(scene: Scene) -> AsyncIterator[None]:
    """A new certificate twice a second."""

    async def reissue() -> None:
        while True:
            scene.install(scene.issue())
            await asyncio.sleep(0.5)

    task = asyncio.create_task(reissue())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        scene.install(scene.serving)


@asynccontextmanager
async def tree_gone(scene: Scene) -> AsyncIterator[None]:
    """The nodes' hosts.toml tree cannot be read when the configuration is read again."""
    tree = scene.disk / "certs.d"
    shutil.move(tree, scene.folder / "certs.d")
    replace(scene.configuration, configuration_without_tree(scene))
    await asyncio.sleep(0)
    try:
        yield
    finally:
        shutil.move(scene.folder / "certs.d", tree)
        replace(scene.configuration, configuration(scene))


def configuration_without_tree(scene: Scene) -> bytes:
    """Return the configuration, changed in a detail, and leave no tree behind."""
    found = configuration(scene, cache={"tags": "59s", "maxEntries": ENTRIES})
    shutil.rmtree(scene.disk / "certs.d")
    return found


def disk() -> list[Cell]:
    """Return the disk's cells."""

    def cell(fault: str, what: str, apply: Fault, codes: frozenset[str] = frozenset()) -> Cell:
        return Cell(part="disk", fault=fault, what=what, apply=apply, codes=codes)

    def config(fault: str, what: str, content: Callable[[Scene], bytes]) -> Cell:
        return cell(fault, f"the configuration {what}", changed("config.yaml", content))

    return [
        cell("down", "the configuration is gone", vanished("config.yaml")),
        cell("down", "certificate and key are gone", _both(vanished("tls.crt"), vanished("tls.key"))),
        cell("down", "the registry's CA file is gone", vanished("ca.crt")),
        cell("down", "the hosts.toml tree is gone, then a reload", tree_gone, LIKELY),
        cell("refuse", "the file system turned read-only", read_only),
        cell("hang", "nobody reads the log", log_unread),
        cell("slow", "a reload twice a second", reissued),
        config("half-closed", "is half written", lambda scene: configuration(scene)[:200]),
        cell(
            "half-closed",
            "the certificate is half written",
            changed("tls.crt", lambda scene: scene.serving.certificate[:300]),
        ),
        config("garbage", "is noise", lambda _: bytes(range(256)) * 20),
        config("garbage", "is empty", lambda _: b""),
        config("garbage", "has an unknown key", lambda scene: configuration(scene, enfroce="off")),
        config("garbage", "names a CA file that is none", _with_wrong_ca),
        cell("garbage", "the configuration is a folder", a_folder_in_its_place),
        cell("garbage", "the certificate is noise", changed("tls.crt", lambda _: b"noise")),
        config("huge", "has 1 MB, and aliases that would make 10^58 values", _bomb),
        config("huge", "has 20,000 wrong exemptions", _many),
        cell("huge", "not a byte is left on it", full),
        cell("expired cert", "an expired certificate is put there", changed_pair(days=1, ago=30)),
        cell("wrong cert", "the key is another's", changed("tls.key", lambda scene: scene.issue().key)),
        cell("flapping", "the configuration is right, wrong, half and gone", flapping),
    ]


def changed_pair(*, days: int, ago: int) -> Fault:
    """Another serving certificate is put there."""

    @asynccontextmanager
    async def apply(scene: Scene) -> AsyncIterator[None]:
        scene.install(scene.issue(days=days, ago=ago))
        try:
            yield
        finally:
            scene.install(scene.serving)

    return apply


def _both(one: Fault, other: Fault) -> Fault:
    @asynccontextmanager
    async def apply(scene: Scene) -> AsyncIterator[None]:
        async with one(scene), other(scene):
            yield

    return apply


def _with_wrong_ca(scene: Scene) -> bytes:
    wrong = scene.folder / "wrong-ca.crt"
    wrong.write_bytes(b"-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n")
    return configuration(scene, registries=[{"match": "*.test:5000", "caFile": str(wrong)}])


def _bomb(_: Scene) -> bytes:
    lines = ["a0: &a0 [lol, lol]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 100)}]" for n in range(1, 30)]
    return ("\n".join(lines) + "\n# " + "x" * 1_000_000).encode()


def _many(scene: Scene) -> bytes:
    exemptions = [{"namespaces": [f"n{n}"], "reason": "x", "expire": "never"} for n in range(20_000)]
    return configuration(scene, exemptions=exemptions)
