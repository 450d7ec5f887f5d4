"""A pod-bearing object and the images it would pull (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from webhook.image.platform import Platform


class Role(StrEnum):
    """What an image is in its pod; the value is the word that messages use."""

    CONTAINER = "container"
    INIT_CONTAINER = "initContainer"
    EPHEMERAL_CONTAINER = "ephemeralContainer"
    VOLUME = "volume"


class PullPolicy(StrEnum):
    """imagePullPolicy."""

    ALWAYS = "Always"
    IF_NOT_PRESENT = "IfNotPresent"
    NEVER = "Never"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerImage:
    """One container's image text with its field path (`spec.template.spec.containers[0].image`).

    `pull_policy` is what the API server would store (defaults filled in from the text).
    `judged` is False for an image that an UPDATE left as it was: it may warn, never deny.
    """

    role: Role
    name: str
    image: str
    pull_policy: PullPolicy
    field: str
    judged: bool = True

    def __hash__(self) -> int:
        """Hash what mostly differs; hashing two enums would take three times as long."""
        return hash((self.image, self.field))


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """One node selector requirement (matchExpressions): `key` In/NotIn/Exists/DoesNotExist/Gt/Lt `values`."""

    key: str
    operator: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Toleration:
    """One toleration, empty strings where absent."""

    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where the scheduler may put the pod.

    `node_name` set: only there. `node_selector`: labels that must all be equal. `affinity`: required terms, any of
    which must hold (each: all of its expressions, then all of its field expressions); None when no term is required.
    """

    node_name: str = ""
    os: str = ""
    node_selector: Mapping[str, str] = field(default_factory=dict)
    affinity: tuple[tuple[tuple[Selector, ...], tuple[Selector, ...]], ...] | None = None
    tolerations: tuple[Toleration, ...] = ()


class Subject(StrEnum):
    """What `enforceOn` chooses among."""

    WORKLOADS = "workloads"
    PODS = "pods"
    OWNED_PODS = "ownedPods"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A pod-bearing object. `name` may be a generateName prefix; messages never show generated names.

    `template`: the pod is still to be made (ServiceAccount admission and mutators have not run).
    `skip`: why there is nothing to judge (`scaled to 0`, `suspended`, `owned by Deployment "api"`, …), or None.
    `uid` and `owner_uid` are empty where unknown. `annotations`: the object's and its pod template's, the latter first.
    `platforms`: what the caller demands instead of the cluster's nodes (`--platform`), or empty.
    `runtime_class`: the RuntimeClass that the pod names, or "": its handler may pull by rules of its own.
    `pull_secrets` holds no empty names, as the kubelet skips them; `blocks_account_copy` says that there was one.
    `partial`: somebody told us of images, at most with their namespace: pull secrets and policies, placement, the
    object's name and who wants it are unseen.
    """

    kind: str
    namespace: str
    name: str
    images: tuple[ContainerImage, ...] = ()
    template: bool = False
    subject: Subject = Subject.WORKLOADS
    service_account: str = "default"
    pull_secrets: tuple[str, ...] = ()
    placement: Placement = field(default_factory=Placement)
    annotations: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    uid: str = ""
    owner_uid: str = ""
    skip: str | None = None
    platforms: tuple[Platform, ...] = ()
    blocks_account_copy: bool = False
    runtime_class: str = ""
    partial: bool = False

    @property
    def takes_account_secrets(self) -> bool:
        """True when ServiceAccount admission will still copy the account's pull secrets into the pod.

        It does so on CREATE of a Pod, and only where imagePullSecrets has no entry at all; one with an empty name is an
        entry (plugin/pkg/admission/serviceaccount/admission.go).
        """
        return self.template and not self.pull_secrets and not self.blocks_account_copy
