"""Logins beside the pod's own (I/O: files, credential providers).

on a node                 docker config files of the kubelet, then credential providers (keyring union)
at a person's terminal    what docker and podman hold, as a stand-in for what nodes may hold: only where the pod brings
                          nothing, and anonymously too, since a node need not have the person's expired login
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from webhook.credentials.credential import ANONYMOUS, Credential, Origin
from webhook.credentials.dockerconfig import decode_secret
from webhook.credentials.keychain import Keychain
from webhook.credentials.local import LocalLogins
from webhook.credentials.provider import CredentialProviders, TokenSource, load_providers
from webhook.credentials.pullsecret import SecretState
from webhook.image.reference import Reference
from webhook.settings.schema import Credentials, CredentialSource
from webhook.workload.workload import Workload


class UnusableLogins(ValueError):
    """A configured docker config file cannot be used."""


@dataclass(frozen=True, slots=True)
class PersonLogins:
    """A person's logins, for pods that bring none; `tell` is told once of each that cannot be had."""

    local: LocalLogins
    tell: Callable[[str], None]
    _told: set[str] = field(default_factory=set, repr=False)

    async def lookup(
        self, reference: Reference, workload: Workload, own: tuple[Credential, ...], *, deadline: float
    ) -> tuple[tuple[Credential, ...], str]:
        """Return the person's logins, then none at all; nothing where the pod brings its own."""
        del workload
        if own:
            return (), ""
        found, failure = await self.local.lookup(reference, deadline=deadline)
        if failure and failure not in self._told:
            self._told.add(failure)
            self.tell(f"a login of this machine cannot be had: {failure}")
        return ((*found, ANONYMOUS) if found else ()), ""


@dataclass(frozen=True, slots=True)
class NodeLogins:
    """What the nodes hold, as far as we were given the same: config files, and providers (or None)."""

    files: tuple[Keychain, ...]
    providers: CredentialProviders | None

    async def lookup(
        self, reference: Reference, workload: Workload, own: tuple[Credential, ...], *, deadline: float
    ) -> tuple[tuple[Credential, ...], str]:
        """Return the logins of the files, then those of the providers, and why a provider brought none."""
        del own
        held = self._of_files(reference)
        if self.providers is None:
            return held, ""
        brought, failure = await self.providers.lookup(
            reference, deadline=deadline, namespace=workload.namespace, account=workload.service_account
        )
        return held + brought, failure

    def held(self, reference: Reference) -> tuple[Credential, ...] | None:
        """Return the same where nobody has to be asked, else None."""
        return self._of_files(reference) if self.providers is None else None

    def _of_files(self, reference: Reference) -> tuple[Credential, ...]:
        if not self.files:
            return ()
        return tuple(_on_nodes(credential) for keychain in self.files for credential in keychain.lookup(reference))


@asynccontextmanager
async def open_node_logins(
    settings: Credentials,
    environment: Mapping[str, str],
    *,
    clock: Callable[[], float],
    tokens: TokenSource | None = None,
) -> AsyncIterator[NodeLogins]:
    """Open what the settings name, in the kubelet's order; raise a ValueError for files that cannot be used."""
    files: tuple[Keychain, ...] = ()
    if CredentialSource.DOCKER_CONFIG in settings.order:
        files = tuple(_keychain(Path(file)) for file in settings.docker_config_files)
    if settings.providers is None or CredentialSource.PROVIDERS not in settings.order:
        yield NodeLogins(files, None)
        return
    bin_dir = Path(settings.providers.bin_dir)
    configured = load_providers(Path(settings.providers.config_file), bin_dir)
    tokens = tokens if settings.providers.account_tokens else None
    providers = CredentialProviders(configured, bin_dir, environment, clock=clock, tokens=tokens)
    try:
        yield NodeLogins(files, providers)
    finally:
        await providers.close()


def _keychain(file: Path) -> Keychain:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise UnusableLogins(
            f"docker config file {str(file)!r} cannot be read: {error.strerror}; see credentials.dockerConfigFiles"
        ) from error
    secret = decode_secret(str(file), "kubernetes.io/dockerconfigjson", {".dockerconfigjson": data})
    if secret.state is SecretState.MALFORMED:
        raise UnusableLogins(f"docker config file {str(file)!r} is malformed: {secret.reason}")
    return Keychain([secret])


def _on_nodes(credential: Credential) -> Credential:
    return replace(credential, origin=Origin.NODE)
