"""Whether a registry can be reached from here: name, connection, TLS, protocol (I/O: sockets).

The first step that fails is the one to mend. From a person's machine this says little of the cluster, and the line says
from where it was tried. A proxy that the environment names is not used here: its own name and port are tried instead.
"""

import asyncio
import socket
import ssl
from urllib.parse import SplitResult, urlsplit

from webhook.cluster.checkup.line import Line, fail, ok, warn

_SECONDS = 5.0
_ANSWERS = frozenset({200, 401, 403})


async def check_registry(name: str, url: str, *, trust: ssl.SSLContext, seconds: float = _SECONDS) -> Line:
    """Try the base URL of one registry step by step."""
    topic = f"registry {name}"
    target = urlsplit(url)
    host, port = target.hostname or name, target.port or (443 if target.scheme == "https" else 80)
    try:
        async with asyncio.timeout(seconds):
            addresses = await _resolve(host, port)
    except socket.gaierror as error:
        return fail(topic, f"DNS: {host}: {error.strerror}", "look at the pods' DNS and the registry's name")
    except TimeoutError:
        return fail(topic, f"DNS: {host}: no answer in {seconds:.0f} s", "look at CoreDNS and egress to UDP 53")
    secure = trust if target.scheme == "https" else None
    try:
        async with asyncio.timeout(seconds):
            status = await _ask(target, host, port, secure)
    except ssl.SSLCertVerificationError as error:
        return fail(topic, f"TLS: {error.verify_message}", f"give its authority by registries: caFile for {name}")
    except ssl.SSLError as error:
        return fail(topic, f"TLS: {error.reason or error}", "does it speak HTTPS on this port?")
    except TimeoutError:
        return fail(topic, f"TCP: {addresses[0]} port {port}: no answer in {seconds:.0f} s", "look at egress rules")
    except OSError as error:
        message = error.strerror or str(error) or type(error).__name__
        return fail(topic, f"TCP: {addresses[0]} port {port}: {message}", "look at egress rules and the registry")
    if status in _ANSWERS:
        return ok(topic, f"DNS, TCP, TLS and /v2/ answer ({status})" if secure else f"answers without TLS ({status})")
    fix = "is it a registry, and is the path of its mirror right?"
    return warn(topic, f"/v2/ answers {status}, which no registry should", fix)


async def _resolve(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]


async def _ask(target: SplitResult, host: str, port: int, trust: ssl.SSLContext | None) -> int:
    reader, writer = await asyncio.open_connection(host, port, ssl=trust, server_hostname=host if trust else None)
    try:
        path = target.path.rstrip("/")
        path = path if path.endswith("/v2") else f"{path}/v2"
        lines = (
            f"GET {path}/ HTTP/1.1",
            f"Host: {target.netloc}",
            "User-Agent: pullproof",
            "Connection: close",
            "",
            "",
        )
        writer.write("\r\n".join(lines).encode("ascii", "replace"))
        await writer.drain()
        words = (await reader.readline()).split()
        return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
    finally:
        writer.transport.abort()  # nothing more is wanted; a polite end would wait for a silent server
