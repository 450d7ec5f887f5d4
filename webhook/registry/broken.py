"""Why a connection failed, in the words of a node (I/O: names the exceptions of ssl and socket).

Libraries wrap: the reason is somewhere in the chain of causes. What is looked for, in this order:

    certificate not accepted    tls               x509: certificate signed by unknown authority, has expired, …
    first bytes are no TLS      not-a-registry    http: server gave HTTP response to HTTPS client
    other TLS trouble           tls               remote error: tls: …
    name not known              dns               lookup HOST: no such host
    an error number             connect           connect: connection refused, no route to host, …
    the end of the stream       connect           EOF

Source of the words: Go's net, crypto/tls, crypto/x509 and net/http.
"""

import errno
import os
import socket
import ssl
from collections.abc import Iterator

from webhook.registry.resolution import Failure

PLAIN_HTTP = "http: server gave HTTP response to HTTPS client"

_NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE")
_EXPIRED = 10
_NOT_YET_VALID = 9
_WRONG_HOST = (62, 64)
_BROKEN = (errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED)


def explain(error: BaseException, host: str) -> tuple[Failure, str] | None:
    """Return what failed and how Go would say it; None when the chain tells nothing of it."""
    chain = tuple(_chain(error))
    for judge in (_certificate, _tls, _name, _system, _end):
        for each in chain:
            told = judge(each, host)
            if told is not None:
                return told
    return None


def is_broken(error: BaseException) -> bool:
    """Tell a connection that was there and broke: another may do better."""
    return any(
        isinstance(each, ConnectionResetError | BrokenPipeError | EOFError)
        or (isinstance(each, OSError) and each.errno in _BROKEN)
        for each in _chain(error)
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and all that it came from, groups included."""
    waiting, seen = [error], set[int]()
    while waiting:
        each = waiting.pop(0)
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        if isinstance(each, BaseExceptionGroup):
            waiting.extend(each.exceptions)
        waiting.extend(cause for cause in (each.__cause__, each.__context__) if cause is not None)


def _certificate(error: BaseException, host: str) -> tuple[Failure, str] | None:
    if not isinstance(error, ssl.SSLCertVerificationError):
        return None
    if error.verify_code in (_EXPIRED, _NOT_YET_VALID):
        reason = "certificate has expired or is not yet valid"
    elif error.verify_code in _WRONG_HOST:
        reason = f"certificate is not valid for {host}"
    else:
        reason = "certificate signed by unknown authority"
    return Failure.TLS, f"tls: failed to verify certificate: x509: {reason}"


def _tls(error: BaseException, _: str) -> tuple[Failure, str] | None:
    if not isinstance(error, ssl.SSLError):
        return None
    if error.reason in _NO_TLS:
        return Failure.NOT_A_REGISTRY, PLAIN_HTTP
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return Failure.CONNECT, "EOF"
    words = (error.reason or "handshake failure").lower().replace("_", " ")
    return Failure.TLS, f"remote error: tls: {words}"


def _name(error: BaseException, host: str) -> tuple[Failure, str] | None:
    if not isinstance(error, socket.gaierror):
        return None
    words = "server misbehaving" if error.errno == socket.EAI_AGAIN else "no such host"
    return Failure.DNS, f"dial tcp: lookup {host}: {words}"


def _system(error: BaseException, _: str) -> tuple[Failure, str] | None:
    if not isinstance(error, OSError) or not error.errno or isinstance(error, ssl.SSLError):
        return None
    words = os.strerror(error.errno).lower()
    return Failure.CONNECT, f"read: {words}" if error.errno in _BROKEN else f"connect: {words}"


def _end(error: BaseException, _: str) -> tuple[Failure, str] | None:
    return (Failure.CONNECT, "EOF") if isinstance(error, EOFError) else None
