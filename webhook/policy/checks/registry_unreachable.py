"""The registry must be reachable.

Looks at:  how the connection failed: dns, connect, tls, timeout or proxy, one of which is in the message
Passes:    the registry answered anything at all
Finds:     registry-unreachable (error: not verified). It is the checker that could not reach it; nodes have their own
           resolvers, proxies, certificates and firewalls, and no NetworkPolicy rules their pulls
Predicts:  failed to do request: Head "URL": dial tcp: lookup HOST on IP:53: no such host; connect: connection refused;
           i/o timeout; net/http: timeout awaiting response headers; tls: failed to verify certificate, x509:
           certificate signed by unknown authority, certificate is valid for A, not B, certificate has expired or is
           not yet valid; reason ErrImagePull
Fix:       by the word: correct the name (dns), open the way from the checker (connect, timeout), give it the
           registry's CA, or mend its certificate (tls)
"""

from typing import Final

from webhook.policy.cause import caused_by
from webhook.policy.checks.options import CheckOptions
from webhook.policy.evidence import Evidence
from webhook.policy.finding import Code, Finding, FindingClass
from webhook.policy.wording import printable, reason, registry, server
from webhook.registry.resolution import Failure, Unresolved

_FIXES: Final = {
    Failure.DNS: "check the spelling of {registry}, and that it resolves: nslookup {host}",
    Failure.CONNECT: "check that {registry} listens and that egress to it is allowed (NetworkPolicy, firewall)",
    Failure.TLS: "see what answers there: openssl s_client -connect {server} -servername {host}",
    Failure.TIMEOUT: "check that egress to {registry} is allowed (NetworkPolicy, firewall), or raise network.timeout",
    Failure.PROXY: "check HTTPS_PROXY and NO_PROXY for {registry}",
}

_CERTIFICATES: Final = {
    "unknown authority": "give its CA: registries: [{{match: {registry}, caFile: FILE}}], and nodes theirs in"
    " hosts.toml",
    "expired or is not yet valid": "renew the certificate of {registry}, and check the clocks; {shown} -dates",
    "not valid for": "use a name that its certificate has, or have {host} added to it; {shown} -ext subjectAltName",
}
_SHOWN: Final = "openssl s_client -connect {server} -servername {host} </dev/null | openssl x509 -noout"


def check_registry_unreachable(evidence: Evidence, _: CheckOptions) -> Finding | None:
    """Report in which layer the connection failed."""
    reference, answer = caused_by(evidence, Code.REGISTRY_UNREACHABLE), evidence.resolution
    if reference is None or not isinstance(answer, Unresolved):
        return None
    word = answer.failure.value
    cause = f"registry {registry(evidence)} unreachable ({word})"
    detail = printable(reason(answer.message, registry(evidence)), 160)
    return Finding(
        code=Code.REGISTRY_UNREACHABLE,
        cls=FindingClass.ERROR,
        message=f"{cause}: {detail}" if detail else cause,
        brief=f" not verified: {cause}",
        fix=_fix(answer, printable(server(answer.message)) or registry(evidence)),
    )


def _fix(answer: Unresolved, name: str) -> str:
    """Say what to do about the server that does not answer: Docker Hub's is not called docker.io."""
    host, _, port = name.rpartition(":") if ":" in name.rpartition("]")[2] else (name, "", "443")
    found = (fix for words, fix in _CERTIFICATES.items() if words in answer.message)
    fix = next(found, "") if answer.failure is Failure.TLS else ""
    place = f"{host}:{port}"
    shown = _SHOWN.format(server=place, host=host)
    return (fix or _FIXES[answer.failure]).format(registry=name, host=host, server=place, shown=shown)
