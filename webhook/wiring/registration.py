"""How the webhook is registered: a file that the chart writes, decoded (I/O: one file).

name: pullproof                    the ValidatingWebhookConfiguration, which the chart owns and leaves empty
service: pullproof                 the Service that the API server calls
certificates: selfManaged          or `files`: the configuration's server.certFile and keyFile, somebody else's
secret: pullproof-certificates     where self-managed certificates are kept
configuration: pullproof           the ConfigMap whose key config.yaml is mounted as the configuration; "" if none is
lease: pullproof                   by which replicas choose the one that writes
caFile: /certificates/ca.crt       with `files`: the authority that the API server is to trust; optional
provider: pullproof                the Gatekeeper Provider whose caBundle is to be kept; optional
webhooks: […]                      as in a ValidatingWebhookConfiguration, without caBundle
"""

from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec


class InvalidRegistration(ValueError):
    """The registration file cannot be used."""


class CertificateKeeper(StrEnum):
    """Who keeps the serving certificate."""

    SELF_MANAGED = "selfManaged"
    FILES = "files"


class Registered(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """The decoded file; see the module."""

    name: str
    service: str
    webhooks: list[dict[str, Any]]
    certificates: CertificateKeeper = CertificateKeeper.SELF_MANAGED
    secret: str = "pullproof-certificates"
    lease: str = "pullproof"
    configuration: str = ""
    ca_file: str = ""
    provider: str = ""

    def dns_names(self, namespace: str) -> tuple[str, ...]:
        """Return what the API server may call the Service in `namespace`."""
        inside = f"{self.service}.{namespace}"
        return (f"{inside}.svc", f"{inside}.svc.cluster.local", inside, self.service)


def load_registration(path: Path) -> Registered:
    """Read the file; raise `InvalidRegistration` in one line."""
    try:
        return msgspec.yaml.decode(path.read_bytes(), type=Registered)
    except OSError as error:
        raise InvalidRegistration(f"registration file {str(path)!r} cannot be read: {error.strerror}") from error
    except (msgspec.MsgspecError, ValueError) as error:
        raise InvalidRegistration(f"registration file {str(path)!r}: {' '.join(str(error).split())}") from error
