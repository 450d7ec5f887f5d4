"""The folder."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

from certs.files import BUNDLE, FileStore
from certs.keypair import KeyPair, fingerprints
from certs.rotate import State, Terms
from certs.store import ensure

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def leftovers(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name.startswith(".")]


async def test_a_server_by_itself_makes_what_it_needs(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "tls"
    store = FileStore(folder)
    assert await store.load() == State()
    state = await ensure(store, store, ["localhost"], NOW)
    assert await store.load() == state
    assert fingerprints((folder / BUNDLE).read_bytes()) == fingerprints(state.bundle)
    served = KeyPair.parse((folder / "tls.crt").read_bytes(), (folder / "tls.key").read_bytes())
    assert served == state.leaf


async def test_keys_are_for_their_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    store = FileStore(folder)
    await ensure(store, store, ["localhost"], NOW)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert {name: mode for name, mode in modes.items() if name.endswith(".key")} == {"tls.key": 0o600, "ca.key": 0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert modes["tls.crt"] == 0o644


async def test_only_what_changed_is_written_and_what_is_gone_is_removed(tmp_path: Path) -> None:
    store, terms = FileStore(tmp_path), Terms(authority=timedelta(hours=30), leaf=timedelta(hours=9))
    await ensure(store, store, ["localhost"], NOW, terms)
    before = (tmp_path / "ca.crt").stat().st_ino
    staged = await ensure(store, store, ["localhost"], NOW + timedelta(hours=21), terms)
    assert (tmp_path / "ca.crt").stat().st_ino == before
    assert staged.next is not None
    assert (tmp_path / "next-ca.key").exists()
    await ensure(store, store, ["localhost"], NOW + timedelta(hours=22), terms)
    assert not (tmp_path / "next-ca.key").exists()
    assert (tmp_path / "ca.crt").read_bytes() == staged.next.certificate
    assert leftovers(tmp_path) == []


async def test_a_torn_folder_heals(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    first = await ensure(store, store, ["localhost"], NOW)
    (tmp_path / "tls.key").write_bytes(b"half a k")
    second = await ensure(store, store, ["localhost"], NOW)
    assert second.authority == first.authority
    assert second.leaf != first.leaf
