"""Failures of the network, in the words of a node, whatever the libraries wrap them in."""

import socket
import ssl
from typing import Any

import httpcore
import httpx
import pytest

from webhook.registry.broken import explain
from webhook.registry.guard import AddressRefused, NameNotResolved
from webhook.registry.resolution import Failure
from webhook.registry.tls import InvalidCertificateFile

HAS = {
    "path": "",
    "status": 200,
    "headers": {
        "Content-Type": "application/vnd.oci.image.manifest.v1+json",
        "Docker-Content-Digest": "sha256:" + "a" * 64,
    },
}


def _wrapped(cause: BaseException, outer: Exception | None = None) -> Exception:
    """As httpx raises it: its own, from httpcore's, from the reason."""
    middle = httpcore.ConnectError(str(cause))
    middle.__cause__ = cause
    error = outer or httpx.ConnectError(str(cause))
    error.__cause__ = middle
    return error


def _certificate(code: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code = code
    return error


def _tls(reason: str, kind: type[ssl.SSLError] = ssl.SSLError) -> ssl.SSLError:
    error = kind(1, f"[SSL: {reason}]")
    error.reason = reason
    return error


UNKNOWN_AUTHORITY = "tls: failed to verify certificate: x509: certificate signed by unknown authority"
CASES = [
    (NameNotResolved("dial tcp: lookup reg.example: no such host"), Failure.DNS, "no such host"),
    (_wrapped(socket.gaierror(socket.EAI_NONAME, "x")), Failure.DNS, "no such host"),
    (_wrapped(socket.gaierror(socket.EAI_AGAIN, "x")), Failure.DNS, "server misbehaving"),
    (_wrapped(ConnectionRefusedError(111, "x")), Failure.CONNECT, "connect: connection refused"),
    (_wrapped(OSError(113, "x")), Failure.CONNECT, "connect: no route to host"),
    (
        _wrapped(ExceptionGroup("all failed", [OSError(101, "x"), OSError(111, "x")])),
        Failure.CONNECT,
        "network is unreachable",
    ),
    (httpx.ConnectError("dial tcp 192.0.2.1:443: connect: connection refused"), Failure.CONNECT, "connection refused"),
    (
        httpx.ConnectTimeout("dial tcp 192.0.2.1:443: i/o timeout"),
        Failure.TIMEOUT,
        "dial tcp 192.0.2.1:443: i/o timeout",
    ),
    (httpx.ConnectTimeout(""), Failure.TIMEOUT, "net/http: TLS handshake timeout"),
    (httpx.ReadTimeout(""), Failure.TIMEOUT, "net/http: timeout awaiting response headers"),
    (httpx.PoolTimeout(""), Failure.TIMEOUT, "timeout"),
    (_wrapped(_certificate(10)), Failure.TLS, "x509: certificate has expired or is not yet valid"),
    (_wrapped(_certificate(62)), Failure.TLS, "x509: certificate is not valid for reg.example"),
    (_wrapped(_certificate(64)), Failure.TLS, "x509: certificate is not valid for reg.example"),
    (_wrapped(_certificate(18)), Failure.TLS, UNKNOWN_AUTHORITY),
    (_wrapped(_certificate(20)), Failure.TLS, UNKNOWN_AUTHORITY),
    (_wrapped(_tls("WRONG_VERSION_NUMBER")), Failure.NOT_A_REGISTRY, "http: server gave HTTP response to HTTPS client"),
    (_wrapped(_tls("TLSV1_ALERT_INTERNAL_ERROR")), Failure.TLS, "remote error: tls: tlsv1 alert internal error"),
    (_wrapped(_tls("UNEXPECTED_EOF", ssl.SSLEOFError)), Failure.CONNECT, "EOF"),
    (_wrapped(ConnectionResetError(104, "x"), httpx.ReadError("")), Failure.CONNECT, "read: connection reset by peer"),
    (_wrapped(EOFError(), httpx.ReadError("")), Failure.CONNECT, "EOF"),
    (httpx.RemoteProtocolError("Server disconnected without sending a response."), Failure.CONNECT, "EOF"),
    (
        httpx.RemoteProtocolError("peer closed connection without sending complete message body"),
        Failure.CONNECT,
        "unexpected EOF",
    ),
    (httpx.RemoteProtocolError("illegal status line: b'SSH-2.0'"), Failure.NOT_A_REGISTRY, "malformed HTTP response"),
    (httpx.ProxyError("407 Proxy Authentication Required"), Failure.PROXY, "407 Proxy Authentication Required"),
    (AddressRefused("address rules refuse 'reg.example' (loopback)"), Failure.ADDRESS_REFUSED, "(loopback)"),
    (InvalidCertificateFile("CA file '/ca.crt' does not exist or is no file"), Failure.TLS, "'/ca.crt' does not exist"),
    (httpx.UnsupportedProtocol("x"), Failure.CONNECT, "x"),
    (httpx.InvalidURL("x"), Failure.CONNECT, "no such host"),
    (OSError(24, "x"), Failure.CONNECT, "too many open files"),
]


@pytest.mark.parametrize(
    ("error", "failure", "text"), CASES, ids=[f"{n}-{case[2][:30]}" for n, case in enumerate(CASES)]
)
async def test_told_as_a_node_tells_it(network: Any, ask: Any, error: Exception, failure: Failure, text: str) -> None:
    refusal = (await ask(network(error=error), "reg.example/app:1")).refusal
    assert refusal.failure is failure
    assert text in refusal.node_error
    assert refusal.node_error.startswith('failed to do request: Head "https://reg.example/v2/app/manifests/1": ')
    assert refusal.attempts[0].failure is failure
    assert refusal.attempts[0].status is None


@pytest.mark.parametrize(
    ("failure", "word"),
    [("DNS", "dns"), ("CONNECT", "connect"), ("TLS", "tls"), ("TIMEOUT", "timeout"), ("PROXY", "proxy")],
)
async def test_the_word_is_in_the_message(network: Any, ask: Any, failure: str, word: str) -> None:
    error = next(error for error, kind, _ in CASES if kind is Failure[failure])
    message = (await ask(network(error=error), "reg.example/app:1")).refusal.message
    assert message.startswith(f"https://reg.example cannot be reached ({word}): ")
    assert "192.0.2" not in message


@pytest.mark.parametrize("again", [True, False])
async def test_a_connection_that_broke_is_tried_once_more(network: Any, ask: Any, again: bool) -> None:
    error = (
        httpx.RemoteProtocolError("Server disconnected without sending a response.") if again else httpx.ReadTimeout("")
    )
    scripted = network({"path": "", "raises": error, "times": 1, "status": 0}, HAS)
    asked = await ask(scripted, "reg.example/app:1")
    assert (asked.resolved is not None) is again
    assert len(scripted.sent) == 1 + again


async def test_a_bug_is_no_failure_of_the_network(network: Any, ask: Any) -> None:
    with pytest.raises(KeyError):
        await ask(network(error=KeyError("x")), "reg.example/app:1")


def test_nothing_known_of_the_cause() -> None:
    assert explain(RuntimeError("x"), "reg.example") is None


def test_a_chain_that_goes_round_ends() -> None:
    one, two = RuntimeError(), RuntimeError()
    one.__cause__, two.__cause__ = two, one
    assert explain(one, "reg.example") is None
