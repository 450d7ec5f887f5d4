"""A pull secret as the kubelet would see it: usable, or why not (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from webhook.credentials.credential import Credential, Origin

NOT_GIVEN = "not among the given documents"
"""The reason of what is unreadable, or missing, because documents stand for a cluster and do not hold it."""


class SecretState(StrEnum):
    """What the kubelet makes of one named Secret."""

    USABLE = "usable"
    """decoded; may still hold no entry"""
    MISSING = "missing"
    """not in the pod's namespace (now); the kubelet goes on without it and retries"""
    IGNORED = "ignored"
    """wrong type, mismatched key, or empty: skipped by the kubelet without a word"""
    MALFORMED = "malformed"
    """breaks the kubelet's keyring: every image of the pod that needs a pull fails"""
    UNREADABLE = "unreadable"
    """we may not or could not read it; the node can"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One host's login in a docker config. `host` as written (no user info), `key` as the kubelet normalises it."""

    host: str
    key: str
    credential: Credential


Mark = tuple[str, str, str, str, Origin]
"""Host, key, and of the credential its id, source and origin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PullSecret:
    """One pull secret. `reason` says in a few words, without secrets, why it is not usable, or what it lacks.

    `marks`: what tells its entries from others, and holds no secret. `keychain` is where `keychain_of` keeps what it
    made of this, so that it lives exactly as long.
    """

    name: str
    state: SecretState
    reason: str = ""
    entries: tuple[Entry, ...] = ()
    marks: tuple[Mark, ...] = field(init=False, repr=False, compare=False)
    keychain: object = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Mark the entries once: they are compared with every image."""
        marks = tuple(
            (entry.host, entry.key, entry.credential.id, entry.credential.source, entry.credential.origin)
            for entry in self.entries
        )
        object.__setattr__(self, "marks", marks)


def effective_secrets(pod: Sequence[str], account: Sequence[str]) -> tuple[str, ...]:
    """Return the names that a new pod ends up with: its own, or else its ServiceAccount's, never both.

    One entry of the pod's own, even an empty name, keeps the account's out (plugin/pkg/admission/serviceaccount).
    """
    return tuple(pod or account)


def asked_secrets(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names that the kubelet reads, in order: empty ones skipped, doubles kept (`getPullSecretsForPod`)."""
    return tuple(name for name in names if name)


@dataclass(frozen=True, slots=True, kw_only=True)
class PullSecrets:
    """The pull secrets that the kubelet would take for one pod, in its order.

    `account` is the ServiceAccount they were copied from, or None when the pod names its own (no merge).
    `account_missing`: that account does not exist (now), so what it would bring is unknown.
    `account_unreadable`: we may not or could not read it; the reason.
    """

    secrets: tuple[PullSecret, ...] = ()
    account: str | None = None
    account_missing: bool = False
    account_unreadable: str = ""

    def in_state(self, state: SecretState) -> tuple[PullSecret, ...]:
        """Return the secrets in one state, in order."""
        return tuple(secret for secret in self.secrets if secret.state is state) if self.secrets else ()

    @property
    def event(self) -> str:
        """The kubelet's warning FailedToRetrieveImagePullSecret, or "" where it finds all."""
        missing = ", ".join(secret.name for secret in self.in_state(SecretState.MISSING))
        return missing and (
            f"Unable to retrieve some image pull secrets ({missing}); attempting to pull the image may not succeed."
        )

    @property
    def complete(self) -> bool:
        """True when nothing is missing or unreadable: what the node will offer is known."""
        unsure = (SecretState.MISSING, SecretState.UNREADABLE)
        return not (
            self.account_missing or self.account_unreadable or any(secret.state in unsure for secret in self.secrets)
        )
