"""Real registries on loopback: Debian's docker-registry 2.8 and distribution 3.1, open, with htpasswd, with tokens.

They answer as `<name>.test:<port>` over TLS with a certificate of a CA made for the run. Images are pushed by crane.
"""

import base64
import hashlib
import io
import json
import os
import shutil
import socket
import ssl
import subprocess
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID

PARTS = Path(os.environ.get("PARTS", Path.home() / ".cache/pullproof-parts"))
USER, PASSWORD = "bob", "s3cr$t:with colon"


def program(name: str) -> str:
    """Find a real part, or skip (fail where parts are required)."""
    found = shutil.which(name, path=f"{PARTS / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}")
    if found is None:
        reason = f"real part {name!r} is not there; `make parts` gets it"
        if os.environ.get("PULLPROOF_REQUIRE_PARTS"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@dataclass(frozen=True, kw_only=True)
class Authority:
    """The run's CA and a serving certificate for every `*.test` name."""

    ca_file: Path
    cert_file: Path
    key_file: Path
    key: ec.EllipticCurvePrivateKey
    leaf: x509.Certificate


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    folder = tmp_path_factory.mktemp("ca")
    now = datetime.now(UTC)
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())

    def build(subject: str, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(_name(subject))
            .issuer_name(_name("registries-ca"))
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
        )

    ca = (
        build("registries-ca", ca_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    names = [x509.DNSName("registry.test"), x509.DNSName("localhost")]
    leaf = (
        build("registry.test", key.public_key())
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "ca.crt").write_bytes(ca.public_bytes(pem))
    (folder / "tls.crt").write_bytes(leaf.public_bytes(pem))
    (folder / "tls.key").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return Authority(
        ca_file=folder / "ca.crt", cert_file=folder / "tls.crt", key_file=folder / "tls.key", key=key, leaf=leaf
    )


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass(kw_only=True)
class TokenServer:
    """A token service as the distribution documentation describes it; grants `pull` on `allowed` repositories only.

    Anonymous requests are granted `public/…`; bob is granted everything that is not `secret/…`.
    """

    authority: Authority
    port: int = 0
    asked: list[str] = field(default_factory=list)

    @property
    def realm(self) -> str:
        return f"https://localhost:{self.port}/token"

    def grant(self, user: str | None, scopes: list[str], service: str) -> str:
        access = []
        for scope in scopes:
            kind, _, rest = scope.partition(":")
            name, _, actions = rest.rpartition(":")
            if name.startswith("public/") or (user is not None and not name.startswith("secret/")):
                access.append({"type": kind, "name": name, "actions": actions.split(",")})
        now = int(time.time())
        header = {
            "typ": "JWT",
            "alg": "ES256",
            "x5c": [base64.b64encode(self.authority.leaf.public_bytes(serialization.Encoding.DER)).decode()],
        }
        claims = {"iss": "tests", "sub": user or "", "aud": service, "exp": now + 300, "nbf": now - 60, "iat": now}
        claims |= {"jti": _b64(os.urandom(8)), "access": access}
        signed = f"{_b64(json.dumps(header).encode())}.{_b64(json.dumps(claims).encode())}"
        r, s = decode_dss_signature(self.authority.key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{_b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


@pytest.fixture(scope="session")
def token_server(authority: Authority) -> Iterator[TokenServer]:
    state = TokenServer(authority=authority)

    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            user: str | None = None
            header = self.headers.get("Authorization", "")
            if header.startswith("Basic "):
                user, _, password = base64.b64decode(header[6:]).decode().partition(":")
                if (user, password) != (USER, PASSWORD):
                    return self.answer(401, {"errors": [{"code": "UNAUTHORIZED", "message": "wrong login"}]})
            return self.token(user, query)

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode())
            if (form.get("username", [""])[0], form.get("password", [""])[0]) != (USER, PASSWORD):
                return self.answer(401, {"errors": [{"code": "UNAUTHORIZED", "message": "wrong login"}]})
            return self.token(USER, form)

        def token(self, user: str | None, asked: dict[str, list[str]]) -> None:
            scopes = [one for text in asked.get("scope", []) for one in text.split(" ")]
            token = state.grant(user, scopes, asked.get("service", [""])[0])
            self.answer(200, {"token": token, "access_token": token, "expires_in": 300})

        def answer(self, status: int, body: object) -> None:
            data = json.dumps(body).encode()
            state.asked.append(f"{self.command} {status}")
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.cert_file, authority.key_file)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.daemon_threads = True
    state.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass(frozen=True, kw_only=True)
class RealRegistry:
    """A running registry and the name it goes by."""

    port: int
    log: Path
    auth: str

    @property
    def name(self) -> str:
        return f"registry.test:{self.port}"

    def requests(self, text: str) -> int:
        """Count the access log's lines that hold `text`."""
        return sum(text in line for line in self.log.read_text().splitlines() if '"' in line)


def _layout(folder: Path, platforms: tuple[str, ...]) -> None:
    """Write an OCI layout of one tiny image, or of an index of several platforms."""
    blobs = folder / "blobs/sha256"
    blobs.mkdir(parents=True)

    def blob(data: bytes) -> dict[str, object]:
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return {"digest": f"sha256:{digest}", "size": len(data)}

    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        member = tarfile.TarInfo("app")
        member.size = 4
        tar.addfile(member, io.BytesIO(b"app\n"))
    layer = buffer.getvalue()
    media = "application/vnd.oci.image."
    manifests = []
    for text in platforms:
        os_name, architecture = text.split("/")
        platform = {"os": os_name, "architecture": architecture}
        rootfs = {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]}
        config = blob(json.dumps(platform | {"rootfs": rootfs, "config": {}}).encode())
        manifest = {
            "schemaVersion": 2,
            "mediaType": f"{media}manifest.v1+json",
            "config": {"mediaType": f"{media}config.v1+json", **config},
            "layers": [{"mediaType": f"{media}layer.v1.tar", **blob(layer)}],
        }
        manifests.append(
            {"mediaType": manifest["mediaType"], **blob(json.dumps(manifest).encode()), "platform": platform}
        )
    top = manifests[0]
    if len(manifests) > 1:
        index = {"schemaVersion": 2, "mediaType": f"{media}index.v1+json", "manifests": manifests}
        top = {"mediaType": f"{media}index.v1+json", **blob(json.dumps(index).encode())}
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [top]}))


@pytest.fixture(scope="session")
def layouts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two images to push: `single` (linux/amd64) and `multi` (amd64 and arm64)."""
    folder = tmp_path_factory.mktemp("layouts")
    _layout(folder / "single", ("linux/amd64",))
    _layout(folder / "multi", ("linux/amd64", "linux/arm64"))
    return {"single": folder / "single", "multi": folder / "multi"}


KINDS = [
    pytest.param((version, auth), id=f"{version}-{auth}")
    for version in ("docker-registry", "registry")
    for auth in ("open", "htpasswd", "token")
]


@pytest.fixture(scope="session", params=KINDS)
def real_registry(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    authority: Authority,
    token_server: TokenServer,
    layouts: dict[str, Path],
    free_port: Callable[[], int],
) -> Iterator[RealRegistry]:
    """Start one registry of each version and login kind, holding public/app and team/app, tags 1.0, 1.1, multi."""
    version, auth = request.param
    server, crane = program(version), program("crane")
    folder, port = tmp_path_factory.mktemp(f"{version}-{auth}"), free_port()
    config: dict[str, object] = {
        "version": "0.1",
        "log": {"level": "info"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}, "delete": {"enabled": True}},
        "http": {
            "addr": f"127.0.0.1:{port}",
            "tls": {"certificate": str(authority.cert_file), "key": str(authority.key_file)},
        },
    }
    if auth == "htpasswd":
        line = subprocess.run(
            [program("htpasswd"), "-niB", USER], input=PASSWORD, capture_output=True, text=True, check=True
        ).stdout
        (folder / "users").write_text(line)
        config["auth"] = {"htpasswd": {"realm": "tests", "path": str(folder / "users")}}
    elif auth == "token":
        config["auth"] = {
            "token": {
                "realm": token_server.realm,
                "service": "tests",
                "issuer": "tests",
                "rootcertbundle": str(authority.cert_file),
            }
        }
    (folder / "config.yml").write_text(json.dumps(config))
    log = folder / "log"
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "OTEL_TRACES_EXPORTER": "none"}
    with log.open("w") as out:
        process = subprocess.Popen(
            [server, "serve", str(folder / "config.yml")], stdout=out, stderr=out, env=environment
        )
    try:
        _await_port(port, process, log)
        _push(crane, folder, port, authority, layouts, login=auth != "open")
        yield RealRegistry(port=port, log=log, auth=auth)
    finally:
        process.terminate()
        process.wait(timeout=10)


def _await_port(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            probe.settimeout(0.2)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise AssertionError(f"the registry did not start:\n{log.read_text()[-2000:]}")


def _push(crane: str, folder: Path, port: int, authority: Authority, layouts: dict[str, Path], *, login: bool) -> None:
    """Push by loopback address: crane takes no name that only the tests know."""
    registry = f"127.0.0.1:{port}"
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "DOCKER_CONFIG": str(folder / "docker")}
    if login:
        auth = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        (folder / "docker").mkdir()
        (folder / "docker/config.json").write_text(json.dumps({"auths": {registry: {"auth": auth}}}))
    for repository in ("public/app", "team/app"):
        for tag, layout in (("1.0", "single"), ("1.1", "single"), ("multi", "multi")):
            pushed = subprocess.run(
                [crane, "push", "--insecure", str(layouts[layout]), f"{registry}/{repository}:{tag}"],
                env=environment,
                capture_output=True,
                text=True,
                timeout=30,
            )
            assert pushed.returncode == 0, pushed.stderr
