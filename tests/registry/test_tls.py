"""TLS on real sockets: who is trusted, under which name, with which certificate shown."""

import asyncio
import ssl
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from webhook.registry.address import AddressRules
from webhook.registry.endpoint import Trust
from webhook.registry.guard import guarded_transport
from webhook.registry.names import Names
from webhook.registry.tls import InvalidCertificateFile, TlsContexts, tls_context


@dataclass
class Issued:
    """A certificate and its key, as files."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    crt: str
    pem: str


class Authority:
    """Issues certificates into a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = self.issue("root", ca=True)

    def issue(
        self, name: str, *sans: str, by: Issued | None = None, ca: bool = False, days: int = 2, password: bytes = b""
    ) -> Issued:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        start = datetime.now(UTC) - timedelta(days=5)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(by.certificate.subject if by else subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + timedelta(days=5 + days))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if sans:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(san) for san in sans]), False)
        certificate = builder.sign(by.key if by else key, hashes.SHA256())
        crt, pem = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        crt.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
        pem.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption))
        return Issued(certificate, key, str(crt), str(pem))


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@asynccontextmanager
async def serving(issued: Issued, *, client_ca: str = "", seen: list[str] | None = None):
    """Serve HTTPS on 127.0.0.1; `seen` gets the server names that were asked for."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        except (asyncio.IncompleteReadError, OSError):
            writer.close()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.crt, issued.pem)
    if seen is not None:
        context.sni_callback = lambda _, name, __: seen.append(name)
    if client_ca:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def get(port: int, tls: TlsContexts, host: str = "reg.test") -> str:
    transport = guarded_transport(
        AddressRules(loopback=True), tls, names=Names(lambda _: ["127.0.0.1"]), limits=httpx.Limits()
    )
    async with httpx.AsyncClient(transport=transport, trust_env=False) as http:
        return (await http.get(f"https://{host}:{port}/")).text


def trusting(*files: str, **more) -> TlsContexts:
    return TlsContexts(Trust(ca_files=files, **more))


async def test_a_ca_of_one_s_own_is_trusted_and_the_name_is_kept(authority) -> None:
    issued = authority.issue("leaf", "reg.test", by=authority.root)
    seen: list[str] = []
    async with serving(issued, seen=seen) as port:
        assert await get(port, trusting(authority.root.crt)) == "ok"
    assert seen == ["reg.test"]


@pytest.mark.parametrize(
    ("sans", "days", "trusted", "code"),
    [
        (("reg.test",), 2, False, 20),  # unable to get local issuer certificate
        (("other.test",), 2, True, 62),  # hostname mismatch
        ((), 2, True, 62),  # a common name is no name for Go
        (("reg.test",), -1, True, 10),  # expired
    ],
    ids=["unknown authority", "other name", "common name only", "expired"],
)
async def test_what_go_refuses_is_refused(authority, sans, days, trusted, code) -> None:
    issued = authority.issue("reg.test", *sans, by=authority.root, days=days)
    async with serving(issued) as port:
        with pytest.raises(httpx.ConnectError) as caught:
            await get(port, trusting(authority.root.crt) if trusted else TlsContexts())
    cause = caught.value.__cause__
    assert isinstance(cause, ssl.SSLCertVerificationError)
    assert cause.verify_code == code


async def test_a_trusted_intermediate_needs_no_root(authority) -> None:
    middle = authority.issue("middle", by=authority.root, ca=True)
    leaf = authority.issue("below", "reg.test", by=middle)
    async with serving(leaf) as port:
        assert await get(port, trusting(middle.crt)) == "ok"


async def test_a_server_s_own_certificate_may_be_the_ca(authority) -> None:
    alone = authority.issue("alone", "reg.test")
    async with serving(alone) as port:
        assert await get(port, trusting(alone.crt)) == "ok"


async def test_a_ca_without_key_identifiers_is_trusted(authority) -> None:
    """Python 3.13 would refuse it by default; this authority's certificates have none."""
    assert not tls_context(Trust()).verify_flags & ssl.VERIFY_X509_STRICT


async def test_verification_is_off_only_where_stated(authority) -> None:
    stranger = authority.issue("stranger", "elsewhere.test")
    async with serving(stranger) as port:
        tls = TlsContexts(hosts={f"reg.test:{port}": Trust(skip_verify=True)})
        assert await get(port, tls) == "ok"
        with pytest.raises(httpx.ConnectError):
            await get(port, tls, host="other.test")


async def test_a_connection_made_under_one_trust_serves_no_other(authority) -> None:
    stranger = authority.issue("stranger2", "elsewhere.test")
    async with serving(stranger) as port:
        tls = TlsContexts(hosts={"lax.test": Trust(skip_verify=True)})
        transport = guarded_transport(AddressRules(loopback=True), tls, names=Names(lambda _: ["127.0.0.1"]))
        async with httpx.AsyncClient(transport=transport, trust_env=False) as http:
            await http.get(f"https://lax.test:{port}/")
            with pytest.raises(httpx.ConnectError):
                await http.get(f"https://strict.test:{port}/")


async def test_a_client_certificate_is_shown_where_configured(authority) -> None:
    issued = authority.issue("server", "reg.test", by=authority.root)
    client = authority.issue("client", "client.test", by=authority.root)
    async with serving(issued, client_ca=authority.root.crt) as port:
        assert await get(port, trusting(authority.root.crt, clients=((client.crt, client.pem),))) == "ok"
        with pytest.raises(httpx.TransportError):
            await get(port, trusting(authority.root.crt))


@pytest.mark.parametrize(
    ("hosts", "host", "port", "found"),
    [
        ({"reg.test:5000": "a"}, "reg.test", 5000, "a"),
        ({"reg.test:5000": "a"}, "reg.test", 443, ""),
        ({"reg.test": "a"}, "reg.test", 5000, "a"),
        ({"reg.test": "a", "reg.test:5000": "b"}, "reg.test", 5000, "b"),
        ({"reg.test": "a"}, "REG.test.", 443, "a"),
        ({"fd00::1:5000": "a"}, "fd00::1", 5000, "a"),
        ({"reg.test": "a"}, "other.test", 443, ""),
    ],
)
def test_each_host_has_its_own(authority, hosts, host, port, found) -> None:
    files = {name: authority.issue(f"own-{name}", ca=True).crt for name in set(hosts.values())}
    trusts = {key: Trust(ca_files=(files[name],)) for key, name in hosts.items()}
    tls = TlsContexts(hosts=trusts)
    tls.load()
    names = {
        entry[0][1]
        for ca in tls(host, port).get_ca_certs()
        for entry in ca["subject"]
        if entry[0][1].startswith("own-")
    }
    assert names == ({f"own-{found}"} if found else set())
    assert tls(host, port) is tls(host, port)


def test_the_system_s_cas_are_trusted_too(authority) -> None:
    with_own = tls_context(Trust(ca_files=(authority.root.crt,))).cert_store_stats()["x509_ca"]
    assert with_own >= ssl.create_default_context().cert_store_stats()["x509_ca"]


def test_files_that_cannot_be_used_are_named(authority, tmp_path) -> None:
    broken = tmp_path / "broken.crt"
    broken.write_text("no certificate")
    locked = authority.issue("locked", password=b"hunter2")
    other = authority.issue("other")
    for trust, words in (
        (Trust(ca_files=(str(tmp_path / "none.crt"),)), "does not exist"),
        (Trust(ca_files=(str(tmp_path),)), "is no file"),
        (Trust(ca_files=(str(broken),)), "no usable PEM"),
        (Trust(clients=((locked.crt, locked.pem),)), "must not be encrypted"),
        (Trust(clients=((other.crt, locked.pem),)), "cannot be used"),
        (Trust(clients=((other.crt, other.crt),)), "cannot be used"),
        (Trust(clients=((str(tmp_path / "none.crt"), other.pem),)), "cannot be used"),
    ):
        with pytest.raises(InvalidCertificateFile, match=words):
            TlsContexts(hosts={"reg.test": trust}).load()


def test_certificate_and_key_may_be_one_file(authority, tmp_path) -> None:
    issued = authority.issue("both")
    both = tmp_path / "both.pem"
    both.write_text(Path(issued.crt).read_text() + Path(issued.pem).read_text())
    tls_context(Trust(clients=((str(both), ""),)))
