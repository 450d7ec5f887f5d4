"""Whether what the webhook shows verifies against what the API server trusts, and for how long (I/O).

Inside the cluster a real handshake is made with the Service; outside, where that cannot be reached, the certificate is
read from its Secret.
"""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature

from webhook.cluster.api import Api, decode, segment
from webhook.cluster.checkup.line import Line, fail, ok, unread, warn
from webhook.cluster.checkup.site import Site
from webhook.cluster.failure import ClusterError

TOPIC = "certificate"
_SOON = timedelta(days=7)
_SECONDS = 5.0


class _Secret(msgspec.Struct):
    data: dict[str, bytes] | None = None


async def check_stored(api: Api, site: Site, bundle: bytes, now: datetime) -> list[Line]:
    """Look at the certificate in its Secret."""
    name = site.registration.secret
    if site.registration.certificates != "selfManaged" or not name:
        return [warn(TOPIC, "kept by somebody else; run doctor in the cluster to see it served", "helm test")]
    try:
        path = f"/api/v1/namespaces/{segment(site.namespace)}/secrets/{segment(name)}"
        secret = decode(await api.request("GET", path), _Secret)
    except ClusterError as error:
        return [unread(TOPIC, f"Secret {name}", error)]
    return judge_certificate((secret.data or {}).get("tls.crt", b""), bundle, site, now)


def judge_certificate(leaf: bytes, bundle: bytes, site: Site, now: datetime) -> list[Line]:
    """Judge a PEM certificate by the PEM bundle of those who are trusted (pure)."""
    restart = f"kubectl -n {site.namespace} rollout restart deploy/{site.name}"
    if not leaf:
        return [fail(TOPIC, "there is none yet", f"kubectl -n {site.namespace} logs deploy/{site.name}")]
    try:
        certificate = x509.load_pem_x509_certificate(leaf)
        authorities = x509.load_pem_x509_certificates(bundle) if bundle.strip() else []
    except ValueError:
        fix = f"empty the Secret's data, then {restart}"
        return [fail(TOPIC, "the certificate or caBundle cannot be read as PEM", fix)]
    lines = [_expiry(certificate, now, restart)]
    if not any(_issued(certificate, authority) for authority in authorities):
        message = "caBundle does not hold the authority that signed it: the API server refuses to call"
        lines.append(fail(TOPIC, message, f"{restart}: it publishes the right one"))
    elif not _named(certificate, site.host):
        lines.append(fail(TOPIC, f"it is not for {site.host}", f"name that in it, then {restart}"))
    else:
        lines.append(ok(TOPIC, f"signed by what caBundle trusts, for {site.host}"))
    return lines


def _expiry(certificate: x509.Certificate, now: datetime, restart: str) -> Line:
    ends = certificate.not_valid_after_utc
    if ends <= now:
        return fail(TOPIC, f"expired at {ends.isoformat()}", f"{restart}; if that does not help, look at its log")
    if ends - now < _SOON:
        return warn(TOPIC, f"ends at {ends.isoformat()}, within a week", "whoever renews it does not: look at the log")
    return ok(TOPIC, f"valid until {ends.date().isoformat()}")


def _issued(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _named(certificate: x509.Certificate, host: str) -> bool:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return False
    return host in names.get_values_for_type(x509.DNSName)


async def check_served(
    site: Site, bundle: bytes, *, host: str = "", port: int = 443, seconds: float = _SECONDS
) -> list[Line]:
    """Make the API server's handshake; `host` where the Service is reached under another name than its own."""
    if not bundle.strip():
        return []
    try:
        trust = ssl.create_default_context(cadata=bundle.decode("ascii", "replace"))
    except ssl.SSLError:
        return [fail(TOPIC, "caBundle cannot be read as PEM", "restart the webhook to publish it anew")]
    try:
        async with asyncio.timeout(seconds):
            _, writer = await asyncio.open_connection(host or site.host, port, ssl=trust, server_hostname=site.host)
    except ssl.SSLCertVerificationError as error:
        fix = f"kubectl -n {site.namespace} rollout restart deploy/{site.name}: it publishes the right caBundle"
        return [fail(TOPIC, f"what is served does not verify by caBundle: {error.verify_message}", fix)]
    except TimeoutError:
        return [fail("service", f"{site.host} does not answer", "look at NetworkPolicies and at kube-proxy")]
    except OSError as error:
        fix = f"kubectl -n {site.namespace} get endpointslices,pods"
        return [fail("service", f"{site.host} cannot be reached: {error.strerror or error}", fix)]
    served = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.transport.abort()
    certificate = x509.load_der_x509_certificate(served)
    restart = f"kubectl -n {site.namespace} rollout restart deploy/{site.name}"
    return [
        ok(TOPIC, f"{site.host} serves one that caBundle trusts"),
        _expiry(certificate, datetime.now(UTC), restart),
    ]
