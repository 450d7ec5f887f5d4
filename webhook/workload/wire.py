"""The fields of Kubernetes objects that rule a pull, and nothing else (pure).

One Struct per shape, decoded by msgspec: what is not named here is skipped without being built. Lists and strings may
be null, because Go writes `null` for what has no `omitempty` (`containers` of a template without any).
Source: k8s.io/api core/v1, apps/v1 and batch/v1 types.go.
"""

from typing import Annotated, TypeVar

import msgspec

T = TypeVar("T")

Many = Annotated[list[T], msgspec.Meta(max_length=2048)]
"""No pod that etcd would hold has a longer list; without a bound, a few MiB of `{}` would stop a server for seconds."""


Values = Annotated[list[str], msgspec.Meta(max_length=100_000)]
"""Of one requirement: the names of all nodes but a few, as people write who keep a pod off those."""


class Wire(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Decoded JSON holds no cycles, so the collector need not track it."""


class Owner(Wire, frozen=True):
    """metadata.ownerReferences[]."""

    api_version: str = ""
    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool | None = None


class Metadata(Wire, frozen=True):
    """metadata."""

    name: str | None = None
    generate_name: str | None = None
    namespace: str | None = None
    uid: str | None = None
    annotations: dict[str, str] | None = None
    labels: dict[str, str] | None = None
    owner_references: Many[Owner] | None = None
    deletion_timestamp: object = None


class Container(Wire, frozen=True):
    """spec.containers[], initContainers[], ephemeralContainers[]."""

    name: str | None = None
    image: str | None = None
    image_pull_policy: str | None = None


class ImageSource(Wire, frozen=True):
    """spec.volumes[].image."""

    reference: str | None = None
    pull_policy: str | None = None


class Volume(Wire, frozen=True):
    """spec.volumes[]."""

    name: str | None = None
    image: ImageSource | None = None


class LocalReference(Wire, frozen=True):
    """spec.imagePullSecrets[]."""

    name: str | None = None


class Requirement(Wire, frozen=True):
    """nodeSelectorTerms[].matchExpressions[] and matchFields[]."""

    key: str = ""
    operator: str = ""
    values: Values | None = None


class Term(Wire, frozen=True):
    """nodeSelectorTerms[]."""

    match_expressions: Many[Requirement] | None = None
    match_fields: Many[Requirement] | None = None


class Required(Wire, frozen=True):
    """requiredDuringSchedulingIgnoredDuringExecution."""

    node_selector_terms: Many[Term] | None = None


class NodeAffinity(Wire, frozen=True):
    """spec.affinity.nodeAffinity."""

    required: Required | None = msgspec.field(default=None, name="requiredDuringSchedulingIgnoredDuringExecution")


class Affinity(Wire, frozen=True):
    """spec.affinity."""

    node_affinity: NodeAffinity | None = None


class WireToleration(Wire, frozen=True):
    """spec.tolerations[]."""

    key: str | None = None
    operator: str | None = None
    value: str | None = None
    effect: str | None = None


class OperatingSystem(Wire, frozen=True):
    """spec.os."""

    name: str | None = None


class PodSpec(Wire, frozen=True):
    """The part of a pod's spec that rules its pulls."""

    containers: Many[Container] | None = None
    init_containers: Many[Container] | None = None
    ephemeral_containers: Many[Container] | None = None
    volumes: Many[Volume] | None = None
    image_pull_secrets: Many[LocalReference] | None = None
    service_account_name: str | None = None
    service_account: str | None = None
    node_name: str | None = None
    node_selector: dict[str, str] | None = None
    affinity: Affinity | None = None
    tolerations: Many[WireToleration] | None = None
    os: OperatingSystem | None = None
    runtime_class_name: str | None = None


class Template(Wire, frozen=True):
    """A pod template."""

    metadata: Metadata | None = None
    spec: PodSpec | None = None


class PodStatus(Wire, frozen=True):
    """A pod's status."""

    phase: str | None = None


class PodObject(Wire, frozen=True):
    """Pod, also as pods/ephemeralcontainers sends it."""

    metadata: Metadata | None = None
    spec: PodSpec | None = None
    status: PodStatus | None = None


class PodTemplateObject(Wire, frozen=True):
    """PodTemplate."""

    metadata: Metadata | None = None
    template: Template | None = None


class ScaledSpec(Wire, frozen=True):
    """What Deployment, StatefulSet, DaemonSet, ReplicaSet and ReplicationController share."""

    replicas: int | None = None
    template: Template | None = None


class ScaledObject(Wire, frozen=True):
    """Deployment, StatefulSet, DaemonSet, ReplicaSet, ReplicationController."""

    metadata: Metadata | None = None
    spec: ScaledSpec | None = None


class JobSpec(Wire, frozen=True):
    """A Job's spec."""

    parallelism: int | None = None
    suspend: bool | None = None
    template: Template | None = None


class Condition(Wire, frozen=True):
    """status.conditions[]."""

    type: str = ""
    status: str = ""


class JobStatus(Wire, frozen=True):
    """A Job's status."""

    conditions: Many[Condition] | None = None


class JobObject(Wire, frozen=True):
    """Job."""

    metadata: Metadata | None = None
    spec: JobSpec | None = None
    status: JobStatus | None = None


class JobTemplate(Wire, frozen=True):
    """A CronJob's job template."""

    spec: JobSpec | None = None


class CronJobSpec(Wire, frozen=True):
    """A CronJob's spec."""

    suspend: bool | None = None
    job_template: JobTemplate | None = None


class CronJobObject(Wire, frozen=True):
    """CronJob."""

    metadata: Metadata | None = None
    spec: CronJobSpec | None = None
