"""A certificate with its private key (pure)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization

_UNREADABLE = (
    *(ValueError, TypeError, UnsupportedAlgorithm),
    *(x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType),
)


class UnusableKeyPair(ValueError):
    """The bytes are no certificate with its key; the message never holds any of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """PEM bytes and what is worth knowing of them. Build it with `parse`.

    `certificate` may hold a chain, the first being the one that the key belongs to. `names` are its DNS names and
    addresses as text.
    """

    certificate: bytes
    key: bytes = field(repr=False)
    not_before: datetime
    not_after: datetime
    names: frozenset[str]

    @classmethod
    def parse(cls, certificate: bytes, key: bytes) -> Self:
        """Read PEM; raise `UnusableKeyPair` unless both parse and belong together."""
        first = _first(certificate)
        try:
            private = serialization.load_pem_private_key(key, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise UnusableKeyPair("the private key cannot be read: expected unencrypted PEM") from error
        with _readable():
            belongs = _public(first.public_key()) == _public(private.public_key())
            begins, ends, names = first.not_valid_before_utc, first.not_valid_after_utc, _names(first)
        if not belongs:
            raise UnusableKeyPair("the private key does not belong to the certificate")
        return cls(certificate=certificate, key=key, not_before=begins, not_after=ends, names=names)

    def expired(self, now: datetime) -> bool:
        """Tell whether nobody would accept it any more."""
        return now >= self.not_after

    def spent(self, now: datetime, share: float) -> bool:
        """Tell whether less than `share` of its life is left."""
        return self.not_after - now < (self.not_after - self.not_before) * share

    def signed_by(self, authority: "KeyPair") -> bool:
        """Tell whether `authority` issued this certificate."""
        try:
            _first(self.certificate).verify_directly_issued_by(_first(authority.certificate))
        except (ValueError, TypeError, InvalidSignature):
            return False
        return True


def fingerprints(bundle: bytes) -> frozenset[bytes]:
    """Return the fingerprint of every certificate in a PEM bundle; raise `UnusableKeyPair` where one does not parse."""
    if not bundle.strip():
        return frozenset()
    return frozenset(certificate.fingerprint(hashes.SHA256()) for certificate in _all(bundle))


def expiry(certificate: bytes) -> datetime:
    """Return when the first certificate of a PEM text ends; raise `UnusableKeyPair`."""
    with _readable():
        return _first(certificate).not_valid_after_utc


def _first(pem: bytes) -> x509.Certificate:
    return _all(pem)[0]


def _all(pem: bytes) -> list[x509.Certificate]:
    with _readable():
        return x509.load_pem_x509_certificates(pem)


@contextmanager
def _readable() -> Iterator[None]:
    """Name the library's exceptions; it reads a certificate piece by piece, as each is asked for."""
    try:
        yield
    except UnusableKeyPair:
        raise
    except _UNREADABLE as error:
        raise UnusableKeyPair("the certificate cannot be read: expected PEM") from error


def _public(key: object) -> bytes:
    encode = getattr(key, "public_bytes", None)
    if encode is None:
        raise UnusableKeyPair("the key is of a kind that has no public part")
    found = encode(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return bytes(found)


def _names(certificate: x509.Certificate) -> frozenset[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return frozenset()
    return frozenset(names.get_values_for_type(x509.DNSName)) | {
        str(address) for address in names.get_values_for_type(x509.IPAddress)
    }
