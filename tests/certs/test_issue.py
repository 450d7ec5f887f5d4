"""What is issued verifies as a stranger's library verifies it."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from certs.issue import BACKDATED, issue_authority, issue_leaf
from certs.keypair import KeyPair, UnusableKeyPair, expiry, fingerprints

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
NAMES = ("pullproof.pullproof-system.svc", "localhost", "127.0.0.1", "::1")
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def authority() -> KeyPair:
    return issue_authority(NOW, 365 * DAY)


@pytest.fixture(scope="module")
def leaf(authority: KeyPair) -> KeyPair:
    return issue_leaf(authority, NAMES, NOW, 90 * DAY)


def verify(leaf: KeyPair, bundle: bytes, name: str, at: datetime) -> None:
    subject: x509.GeneralName
    try:
        subject = x509.IPAddress(ip_address(name))
    except ValueError:
        subject = x509.DNSName(name)
    store = Store(x509.load_pem_x509_certificates(bundle))
    verifier = PolicyBuilder().store(store).time(at).build_server_verifier(subject)
    verifier.verify(x509.load_pem_x509_certificate(leaf.certificate), [])


@pytest.mark.parametrize("name", NAMES)
def test_a_leaf_verifies_for_each_of_its_names(authority: KeyPair, leaf: KeyPair, name: str) -> None:
    verify(leaf, authority.certificate, name, NOW)
    assert leaf.names == frozenset(NAMES)
    assert leaf.signed_by(authority)


@pytest.mark.parametrize(
    ("name", "at"),
    [("other.example", NOW), ("localhost", NOW + 91 * DAY), ("localhost", NOW - 2 * BACKDATED)],
    ids=["other name", "expired", "too early"],
)
def test_a_leaf_verifies_for_nothing_else(authority: KeyPair, leaf: KeyPair, name: str, at: datetime) -> None:
    with pytest.raises(VerificationError):
        verify(leaf, authority.certificate, name, at)


def test_another_authority_does_not_verify_it(leaf: KeyPair) -> None:
    other = issue_authority(NOW, 365 * DAY)
    assert not leaf.signed_by(other)
    with pytest.raises(VerificationError):
        verify(leaf, other.certificate, "localhost", NOW)


def test_keys_are_p256_and_clocks_may_disagree(authority: KeyPair, leaf: KeyPair) -> None:
    for pair in (authority, leaf):
        key = x509.load_pem_x509_certificate(pair.certificate).public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        assert isinstance(key.curve, ec.SECP256R1)
        assert pair.not_before == NOW - BACKDATED
    assert leaf.not_after == NOW + 90 * DAY == expiry(leaf.certificate)


def test_a_leaf_never_outlives_its_authority(authority: KeyPair) -> None:
    assert issue_leaf(authority, ["a"], NOW + 300 * DAY, 90 * DAY).not_after == authority.not_after


def test_two_authorities_of_one_moment_differ_in_name() -> None:
    subjects = {x509.load_pem_x509_certificate(issue_authority(NOW, DAY).certificate).subject for _ in range(2)}
    assert len(subjects) == 2


def test_no_name_no_leaf(authority: KeyPair) -> None:
    with pytest.raises(ValueError, match="at least one name"):
        issue_leaf(authority, [], NOW, DAY)


def test_the_key_is_in_no_text(leaf: KeyPair) -> None:
    secret = leaf.key.decode().splitlines()[1]
    assert secret not in repr(leaf)


@pytest.mark.parametrize(
    ("certificate", "key", "reason"),
    [
        (b"", b"", "the certificate cannot be read"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", b"", "the certificate cannot be read"),
        (None, b"", "the private key cannot be read"),
        (None, b"-----BEGIN PRIVATE KEY-----\n", "the private key cannot be read"),
    ],
)
def test_unusable(leaf: KeyPair, certificate: bytes | None, key: bytes, reason: str) -> None:
    with pytest.raises(UnusableKeyPair, match=reason):
        KeyPair.parse(leaf.certificate if certificate is None else certificate, key)


def test_a_key_of_another_certificate_is_refused(authority: KeyPair, leaf: KeyPair) -> None:
    with pytest.raises(UnusableKeyPair, match="does not belong"):
        KeyPair.parse(leaf.certificate, authority.key)


def test_fingerprints_tell_bundles_apart(authority: KeyPair, leaf: KeyPair) -> None:
    assert fingerprints(b" \n") == frozenset()
    assert fingerprints(authority.certificate + leaf.certificate) == fingerprints(
        leaf.certificate + b"\n" + authority.certificate
    )
    with pytest.raises(UnusableKeyPair):
        fingerprints(b"rubbish")
