"""The serving certificate, and how it is replaced under load."""

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from certs.keypair import UnusableKeyPair
from webhook.server.certificate import CertificateFiles, CertificateInMemory, ServingCertificate


def write(folder: Path, pair: Any) -> CertificateFiles:
    (folder / "tls.crt").write_bytes(pair.certificate)
    (folder / "tls.key").write_bytes(pair.key)
    return CertificateFiles(folder / "tls.crt", folder / "tls.key")


async def shown(served: Any, server_name: str | None = "localhost") -> bytes:
    """Return the certificate that a new connection is shown."""
    _, writer = await asyncio.open_connection(
        "127.0.0.1", served.server.port, ssl=served.trust, server_hostname=server_name
    )
    tls = writer.get_extra_info("ssl_object")
    found = tls.getpeercert(binary_form=True)
    writer.close()
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        await writer.wait_closed()
    return bytes(found)


def der(pair: Any) -> bytes:
    return x509.load_pem_x509_certificate(pair.certificate).public_bytes(Encoding.DER)


@pytest.mark.parametrize("server_name", ["localhost", "127.0.0.1"])
async def test_new_connections_are_shown_the_new_certificate(serve: Any, authority: Any, server_name: str) -> None:
    second = authority.leaf()
    async with serve() as served:
        first = served.certificate.read()
        assert await shown(served, server_name) == der(first)
        served.certificate.put(second)
        assert served.serving.refresh()
        assert not served.serving.refresh()
        assert await shown(served, server_name) == der(second)


async def test_the_server_looks_for_a_new_one_by_itself(serve: Any, authority: Any) -> None:
    async with serve() as served:
        second = authority.leaf()
        served.certificate.put(second)
        async with asyncio.timeout(60):
            while await shown(served) != der(second):
                pass


async def test_no_request_fails_while_certificates_change_under_load(
    serve: Any, authority: Any, review: Callable[[str], Any]
) -> None:
    statuses, stop, body = [], asyncio.Event(), review("pod-create")

    async def load(served: Any) -> None:
        async with served.client() as kept:
            while not stop.is_set():
                answers = [await kept.post("/validate", json=body), await served.post()]  # one connection old, one new
                statuses.extend(answer.status_code for answer in answers)

    async with serve() as served:
        workers = [asyncio.create_task(load(served)) for _ in range(4)]
        seen = set()
        for _ in range(10):
            served.certificate.put(authority.leaf())
            assert served.serving.refresh()
            seen.add(await shown(served))
            await asyncio.sleep(0.05)
        stop.set()
        await asyncio.gather(*workers)
    assert len(seen) == 10
    assert set(statuses) == {200}
    assert len(statuses) > 20


def test_files_are_compared_by_content(tmp_path: Path, authority: Any) -> None:
    first, second = authority.leaf(), authority.leaf()
    serving = ServingCertificate(write(tmp_path, first))
    assert not serving.refresh()
    write(tmp_path, second)
    assert serving.refresh()
    assert serving.expires == second.not_after


def test_a_volume_that_is_swapped_by_a_symlink(tmp_path: Path, authority: Any) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write(tmp_path / name, authority.leaf())
    (tmp_path / "..data").symlink_to("one")
    for name in ("tls.crt", "tls.key"):
        (tmp_path / name).symlink_to(Path("..data") / name)
    serving = ServingCertificate(CertificateFiles(tmp_path / "tls.crt", tmp_path / "tls.key"))
    (tmp_path / "..new").symlink_to("two")
    (tmp_path / "..new").replace(tmp_path / "..data")
    assert serving.refresh()


@pytest.mark.parametrize("torn", ["tls.crt", "tls.key"])
def test_a_half_written_pair_keeps_the_last_good_one(tmp_path: Path, authority: Any, torn: str) -> None:
    first, second = authority.leaf(), authority.leaf()
    serving = ServingCertificate(write(tmp_path, first))
    content = {"tls.crt": second.certificate, "tls.key": second.key}[torn]
    for part in (content, content[:100], b""):
        (tmp_path / torn).write_bytes(part)
        assert not serving.refresh()
        condition = serving.condition()
        assert condition.ok
        assert condition.note.startswith("kept the last good one: the ")
    (tmp_path / torn).unlink()
    assert not serving.refresh()
    write(tmp_path, second)
    assert serving.refresh()
    assert serving.condition().note == ""


def test_it_does_not_start_without_a_certificate(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        ServingCertificate(CertificateFiles(tmp_path / "tls.crt", tmp_path / "tls.key"))
    with pytest.raises(UnusableKeyPair):
        ServingCertificate(CertificateInMemory())


def test_an_expired_one_is_served_and_told(authority: Any) -> None:
    memory = CertificateInMemory()
    memory.put(authority.leaf(timedelta(seconds=-60)))
    condition = ServingCertificate(memory).condition()
    assert not condition.ok
    assert condition.note.startswith("expired at 20")


def test_an_expired_one_takes_the_place_of_none_that_is_good(authority: Any) -> None:
    memory = CertificateInMemory()
    memory.put(authority.leaf())
    serving = ServingCertificate(memory)
    memory.put(authority.leaf(timedelta(seconds=-60)))
    assert not serving.refresh()
    assert serving.condition().ok
    assert "kept the last good one: the new certificate expired at 20" in serving.condition().note
    memory.put(authority.leaf())
    assert serving.refresh()
