"""How this webhook is deployed: the names of its objects, its rights, the webhooks to register (I/O: one file).

The chart writes it beside the configuration and `pullproof serve --deployment FILE` reads it. It holds nothing that a
person edits: that is the configuration.
"""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

import msgspec
import yaml

from webhook.cluster.secrets import SecretAccess, SecretMode


class InvalidDeployment(ValueError):
    """The deployment file cannot be used; the message is one line with the file's name."""


class CertificateMode(StrEnum):
    """Who keeps the serving certificate."""

    SELF_MANAGED = "selfManaged"
    FILES = "files"
    """somebody else (cert-manager, a person), as files of a mounted Secret"""


class Deployment(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """One installation of the webhook.

    `lease`, `evidence` (ConfigMap) and `certificate_secret` are in the webhook's own namespace. `registration` is the
    ValidatingWebhookConfiguration to fill `webhooks` into, "" for none. `ca_file`: whom the API server shall trust, in
    mode `files`.
    """

    service: str
    lease: str
    evidence: str
    certificates: CertificateMode = CertificateMode.SELF_MANAGED
    certificate_secret: str = ""
    ca_file: str = ""
    registration: str = ""
    webhooks: tuple[dict[str, msgspec.Raw | object], ...] = ()
    secret_access: SecretMode = SecretMode.CLUSTER
    secret_namespaces: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a mode without what it needs."""
        if self.certificates is CertificateMode.SELF_MANAGED and not self.certificate_secret:
            raise ValueError("certificates: selfManaged needs certificateSecret")
        if self.certificates is CertificateMode.FILES and self.registration and not self.ca_file:
            raise ValueError("certificates: files needs caFile, to register")

    @property
    def access(self) -> SecretAccess:
        """Which Secrets may be read."""
        return SecretAccess(mode=self.secret_access, namespaces=frozenset(self.secret_namespaces))

    def server_names(self, namespace: str) -> tuple[str, ...]:
        """Return the names by which the Service is called, the API server's own first."""
        short = f"{self.service}.{namespace}"
        return f"{short}.svc", short, f"{short}.svc.cluster.local"


def load_deployment(path: Path) -> Deployment:
    """Read the file; raise `InvalidDeployment`."""
    try:
        found: object = yaml.safe_load(path.read_text(encoding="utf-8"))
        if not isinstance(found, Mapping):
            raise InvalidDeployment(f"{path}: expected a mapping; the chart writes this file")
        return msgspec.convert(found, Deployment)
    except OSError as error:
        raise InvalidDeployment(f"{path}: {error.strerror or error}") from error
    except (yaml.YAMLError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise InvalidDeployment(f"{path}: {' '.join(str(error).split())[:300]}") from error
