"""The serving certificate: loaded from memory, replaced without a restart (I/O: files, TLS).

Every new handshake asks for the newest context, so a certificate takes effect with the next connection and disturbs
none that is open. Contents are compared, not times: a Secret or ConfigMap volume is swapped by a symlink, and sizes
stay alike. What does not parse, or is half written, is refused and the last good one kept.
"""

import asyncio
import logging
import os
import ssl
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from certs.keypair import KeyPair, UnusableKeyPair
from webhook.server.health import Condition
from webhook.server.log import fields

_LOG = logging.getLogger("pullproof.certificate")
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"


class CertificateSource(Protocol):
    """Where the newest certificate is to be had."""

    def read(self) -> KeyPair:
        """Return it at once; raise `UnusableKeyPair` or `OSError` where there is none (yet)."""
        ...


class CertificateFiles:
    """Two files, as a Secret of type kubernetes.io/tls is mounted."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self._certificate = certificate
        self._key = key

    def read(self) -> KeyPair:
        """Read both."""
        return KeyPair.parse(self._certificate.read_bytes(), self._key.read_bytes())


class CertificateInMemory:
    """A certificate that somebody else keeps fresh by `put`."""

    def __init__(self) -> None:
        self._pair: KeyPair | None = None

    def put(self, pair: KeyPair) -> None:
        """Serve this one from now on."""
        self._pair = pair

    def read(self) -> KeyPair:
        """Return the last one put."""
        if self._pair is None:
            raise UnusableKeyPair("there is no certificate yet")
        return self._pair


class ServingCertificate:
    """A TLS context that always shows the newest certificate of its source."""

    def __init__(self, source: CertificateSource, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Raise `UnusableKeyPair` or `OSError` when there is nothing to serve with."""
        self._source = source
        self._clock = clock
        self._pair = source.read()
        self._refused = ""
        self._context = self.context = _context(self._pair)
        self.context.sni_callback = self._show_newest

    @property
    def expires(self) -> datetime:
        """When the certificate that is served ends."""
        return self._pair.not_after

    def refresh(self) -> bool:
        """Look at the source; return True if a new certificate is served from now on."""
        try:
            pair = self._source.read()
            if pair == self._pair:
                self._refused = ""
                return False
            self._doubt(pair)
            self._context = _context(pair)
        except (UnusableKeyPair, OSError) as error:  # an SSLError is an OSError
            self._refuse(str(error))
            return False
        self._pair, self._refused = pair, ""
        _LOG.info("serving a new certificate", extra=fields(expires=pair.not_after.isoformat()))
        return True

    async def follow(self, every: float = 1.0, *, told: Callable[[datetime], None] = lambda _: None) -> None:
        """Refresh every so many seconds, for ever; `told` is given the expiry of each certificate that is served."""
        told(self.expires)
        while True:
            await asyncio.sleep(every)
            if self.refresh():
                told(self.expires)

    def condition(self) -> Condition:
        """Return how it is, for /readyz."""
        if self.expires <= self._clock():
            return Condition(ok=False, note=f"expired at {self.expires.isoformat()}")
        return Condition(ok=True, note=f"kept the last good one: {self._refused}" if self._refused else "")

    def _doubt(self, pair: KeyPair) -> None:
        """Refuse one that has expired, while the one that is served has not: no API server would take it."""
        now = self._clock()
        if pair.not_after <= now < self.expires:
            raise UnusableKeyPair(f"the new certificate expired at {pair.not_after.isoformat()}")

    def _refuse(self, reason: str) -> None:
        if reason != self._refused:
            _LOG.warning("kept the last good certificate", extra=fields(reason=reason))
        self._refused = reason

    def _show_newest(self, connection: ssl.SSLObject | ssl.SSLSocket, _: str | None, __: ssl.SSLContext) -> None:
        # Called for every handshake, also for those without a server name.
        connection.context = self._context


def _context(pair: KeyPair) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.set_alpn_protocols(["http/1.1"])
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.num_tickets = 1  # an API server resumes no session; each ticket costs every handshake
    _load(context, pair)
    return context


def _load(context: ssl.SSLContext, pair: KeyPair) -> None:
    """Load from memory: the ssl module takes only paths, and the files may change between two reads."""
    content = pair.certificate.strip() + b"\n" + pair.key.strip() + b"\n"
    if not hasattr(os, "memfd_create"):
        with tempfile.NamedTemporaryFile() as file:
            file.write(content)
            file.flush()
            context.load_cert_chain(file.name)
        return
    descriptor = os.memfd_create("certificate", os.MFD_CLOEXEC)
    with os.fdopen(descriptor, "wb") as memory:
        memory.write(content)
        memory.flush()
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
