"""TLS contexts by host: whose CAs are trusted, which client certificate is shown (I/O: files).

The judge is Go's crypto/tls on the nodes, and where OpenSSL differs it is brought into line, so that a certificate is
accepted here exactly where containerd would: names come from subjectAltName only, a trusted intermediate is trusted
(no chain up to a root is wanted), and the extension rules of VERIFY_X509_STRICT (Python 3.13's default), which many
private CAs break, are not applied.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import certifi

from webhook.registry.endpoint import Trust


class InvalidCertificateFile(ValueError):
    """A configured certificate, key or CA file cannot be used."""


@dataclass(slots=True)
class TlsContexts:
    """The context for each `host:port`, made once for each distinct trust; hosts without their own get the default's.

    Keys of `hosts` are `host:port`, or `host` for all its ports (lower case, IPv6 without brackets).
    """

    default: Trust = field(default_factory=Trust)
    hosts: Mapping[str, Trust] = field(default_factory=dict)
    _made: dict[Trust, ssl.SSLContext] = field(default_factory=dict, init=False, repr=False)

    def load(self) -> None:
        """Make every context now, so that a bad file is told at start; raise `InvalidCertificateFile`."""
        for trust in (self.default, *self.hosts.values()):
            self._context(trust)

    def __call__(self, host: str, port: int) -> ssl.SSLContext:
        """Return the context for a connection to `host:port`; raise `InvalidCertificateFile`."""
        name = host.lower().rstrip(".")
        return self._context(self.hosts.get(f"{name}:{port}") or self.hosts.get(name) or self.default)

    def _context(self, trust: Trust) -> ssl.SSLContext:
        context = self._made.get(trust)
        if context is None:
            context = self._made[trust] = tls_context(trust)
        return context


def tls_context(trust: Trust) -> ssl.SSLContext:
    """Read the files of `trust` into a context that also trusts the system's CAs; raise `InvalidCertificateFile`."""
    context = ssl.create_default_context()
    _trust_system(context)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.hostname_checks_common_name = False
    for file in trust.ca_files:
        _trust(context, file)
    for certificate, key in trust.clients:
        _present(context, certificate, key)
    if trust.skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _trust_system(context: ssl.SSLContext) -> None:
    """Fall back to Mozilla's list where the system has none (slim images, Python on macOS)."""
    paths = ssl.get_default_verify_paths()
    if paths.cafile is None and paths.capath is None:
        context.load_verify_locations(cafile=certifi.where())


def _trust(context: ssl.SSLContext, file: str) -> None:
    if not Path(file).is_file():
        raise InvalidCertificateFile(f"CA file {file!r} does not exist or is no file")
    try:
        context.load_verify_locations(cafile=file)
    except OSError as error:  # ssl.SSLError is one
        raise InvalidCertificateFile(f"CA file {file!r} holds no usable PEM certificate") from error


def _present(context: ssl.SSLContext, certificate: str, key: str) -> None:
    """Show a client certificate; of several for one kind of key OpenSSL shows the last."""
    try:
        # an encrypted key would be asked for on the terminal; an empty password makes it an error instead
        context.load_cert_chain(certificate, key or None, password="")
    except OSError as error:
        raise InvalidCertificateFile(
            f"client certificate {certificate!r} and key {key or certificate!r} cannot be used: both must be PEM and "
            "belong together, and the key must not be encrypted"
        ) from error
