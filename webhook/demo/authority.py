"""A certificate authority for names that are not ours, good certificates and bad ones (I/O: writes PEM files).

Only clients that were given `ca.crt` trust it. Python's `ssl` reads certificates from files only, hence the folder.
"""

import datetime
import hashlib
import ipaddress
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from webhook.demo.site import Certificate

_DAY = datetime.timedelta(days=1)


class UnreadableAuthority(ValueError):
    """The files given for an authority hold no EC certificate authority."""


class Authority:
    """Issues P-256 certificates for any name into `folder`."""

    def __init__(self, folder: Path, *, certificate: Path | None = None, key: Path | None = None) -> None:
        """Take the authority of two PEM files, or make one."""
        self._folder = folder
        if certificate is None or key is None:
            self._key = ec.generate_private_key(ec.SECP256R1())
            self._certificate = _self_signed("pullproof demo authority", self._key)
        else:
            self._key, self._certificate = _load(certificate, key)
        self.file = folder / "ca.crt"
        self.file.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def context(self, host: str, kind: Certificate) -> ssl.SSLContext:
        """Return a server's TLS context that shows a certificate for `host`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.pair(host, kind))
        return context

    def pair(self, host: str, kind: Certificate = Certificate.VALID) -> Path:
        """Return the file that holds a certificate for `host`, and its key."""
        file = self._folder / f"{hashlib.sha256(host.encode()).hexdigest()[:32]}.{kind}.pem"
        if not file.exists():
            self._issue(host, kind, file)
        return file

    def _issue(self, host: str, kind: Certificate, file: Path) -> None:
        shown = f"not-{host}" if kind is Certificate.OTHER_NAME else host
        key = ec.generate_private_key(ec.SECP256R1())
        issuer, signer = self._certificate.subject, self._key
        if kind is Certificate.UNTRUSTED:
            signer = ec.generate_private_key(ec.SECP256R1())
            issuer = _name("an authority nobody trusts")
        end = _now() - _DAY if kind is Certificate.EXPIRED else _now() + 30 * _DAY
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        certificate = (
            _builder(_name("registry"), issuer, key.public_key(), end)
            .add_extension(x509.SubjectAlternativeName([_general_name(shown)]), critical=False)
            .add_extension(usage, critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
            .sign(signer, hashes.SHA256())
        )
        file.touch(mode=0o600)
        file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + _pem(key))


def _self_signed(name: str, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        _builder(_name(name), _name(name), key.public_key(), _now() + 30 * _DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, end: datetime.datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - 60 * _DAY)
        .not_valid_after(end)
    )


def _load(certificate: Path, key: Path) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    loaded = serialization.load_pem_private_key(key.read_bytes(), None)
    if not isinstance(loaded, ec.EllipticCurvePrivateKey):
        raise UnreadableAuthority(
            f"{str(key)!r} holds no EC key; make one with openssl ecparam -genkey -name prime256v1"
        )
    return loaded, x509.load_pem_x509_certificate(certificate.read_bytes())


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        return x509.DNSName(host)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    unencrypted = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, unencrypted)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
