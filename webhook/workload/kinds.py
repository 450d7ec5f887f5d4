"""The kinds that bear pods: object -> Workload (pure).

| kind | pod spec at | nothing to judge when |
|---|---|---|
| Pod, pods/ephemeralcontainers | spec | mirror pod, finished |
| Deployment, StatefulSet, DaemonSet, ReplicationController | spec.template.spec | scaled to 0 |
| ReplicaSet | spec.template.spec | scaled to 0, owned by a Deployment |
| Job | spec.template.spec | suspended, parallelism 0, finished, owned by a CronJob |
| CronJob | spec.jobTemplate.spec.template.spec | suspended |
| PodTemplate | template.spec | |

and for each: while it is being deleted. Two ways in: `decode` from the bytes of an AdmissionReview's object (the hot
path builds nothing but what is judged), and `convert` from a decoded document.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from webhook.workload import decoding
from webhook.workload.podspec import images_of, placement_of
from webhook.workload.wire import (
    CronJobObject,
    JobObject,
    JobSpec,
    LocalReference,
    Metadata,
    Owner,
    PodObject,
    PodSpec,
    PodTemplateObject,
    ScaledObject,
    Template,
    Wire,
)
from webhook.workload.workload import Subject, Toleration, Workload

SCALED_TO_ZERO = "scaled to 0"
SUSPENDED = "suspended"
IDLE = frozenset({SCALED_TO_ZERO, SUSPENDED})
"""Reasons to skip that end when somebody wakes the object up; the wake-up is judged."""

MIRROR = "kubernetes.io/config.mirror"

_NO_METADATA = Metadata()
_NO_SPEC = PodSpec()
_NO_TEMPLATE = Template()
_FINISHED = frozenset({"Succeeded", "Failed"})

_DAEMON_TOLERATIONS = tuple(
    Toleration(key=f"node.kubernetes.io/{taint}", operator="Exists", effect=effect)
    for taint, effect in (
        ("not-ready", "NoExecute"),
        ("unreachable", "NoExecute"),
        ("disk-pressure", "NoSchedule"),
        ("memory-pressure", "NoSchedule"),
        ("pid-pressure", "NoSchedule"),
        ("unschedulable", "NoSchedule"),
    )
)
"""Added by the DaemonSet controller to every pod (pkg/controller/daemon/util/daemonset_util.go)."""

T = TypeVar("T", bound=Wire)


@dataclass(frozen=True, slots=True)
class PodBearing(Generic[T]):
    """A kind whose pods we know how to find: `read` makes the Workload of a decoded object."""

    kind: str
    decoder: msgspec.json.Decoder[T]
    shape: type[T]
    read: Callable[[T, str], Workload]

    def decode(self, data: bytes | msgspec.Raw) -> Workload:
        """Decode JSON; raise `MalformedObject`."""
        return self.read(decoding.decode(self.decoder, data), self.kind)

    def convert(self, obj: Mapping[str, object]) -> Workload:
        """Read a decoded document; raise `MalformedObject`."""
        return self.read(decoding.convert(obj, self.shape), self.kind)


def _pod(pod: PodObject, kind: str) -> Workload:
    metadata = pod.metadata or _NO_METADATA
    owner = _controller(metadata)
    skip = None
    if MIRROR in (metadata.annotations or {}):
        skip = "mirror pod of a static pod"
    elif pod.status is not None and pod.status.phase in _FINISHED:
        skip = "finished"
    subject = Subject.PODS if owner is None else Subject.OWNED_PODS
    return _workload(kind, metadata, pod.spec, None, skip=skip, path="spec", subject=subject)


def _pod_template(obj: PodTemplateObject, kind: str) -> Workload:
    template = obj.template or _NO_TEMPLATE
    return _workload(kind, obj.metadata, template.spec, template, path="template.spec")


def _scaled(obj: ScaledObject, kind: str) -> Workload:
    template = (obj.spec.template if obj.spec else None) or _NO_TEMPLATE
    skip = _owned_by(obj.metadata, "apps/", "Deployment") if kind == "ReplicaSet" else None
    if skip is None and obj.spec is not None and obj.spec.replicas == 0:
        skip = SCALED_TO_ZERO
    return _workload(
        kind,
        obj.metadata,
        template.spec,
        template,
        skip=skip,
        tolerations=_DAEMON_TOLERATIONS if kind == "DaemonSet" else (),
    )


def _job(obj: JobObject, kind: str) -> Workload:
    template = (obj.spec.template if obj.spec else None) or _NO_TEMPLATE
    skip = _owned_by(obj.metadata, "batch/", "CronJob")
    if skip is None and _job_finished(obj):
        skip = "finished"
    if skip is None and obj.spec is not None:
        skip = _idle_job(obj.spec)
    return _workload(kind, obj.metadata, template.spec, template, skip=skip)


def _cron_job(obj: CronJobObject, kind: str) -> Workload:
    job = obj.spec.job_template.spec if obj.spec and obj.spec.job_template else None
    template = (job.template if job else None) or _NO_TEMPLATE
    skip = SUSPENDED if obj.spec is not None and obj.spec.suspend else None
    return _workload(kind, obj.metadata, template.spec, template, skip=skip, path="spec.jobTemplate.spec.template.spec")


def _workload(
    kind: str,
    metadata: Metadata | None,
    spec: PodSpec | None,
    template: Template | None,
    *,
    skip: str | None = None,
    path: str = "spec.template.spec",
    subject: Subject = Subject.WORKLOADS,
    tolerations: tuple[Toleration, ...] = (),
) -> Workload:
    """Make the value; `template` is None for a Pod, which has been through ServiceAccount admission and mutators."""
    metadata, spec = metadata or _NO_METADATA, spec or _NO_SPEC
    inner = (template.metadata if template else None) or _NO_METADATA
    owner = _controller(metadata)
    names = pull_secret_names(spec.image_pull_secrets)
    return Workload(
        kind=kind,
        namespace=metadata.namespace or "",
        name=metadata.name or metadata.generate_name or "",
        images=images_of(spec, path, template=template is not None),
        template=template is not None,
        subject=subject,
        service_account=spec.service_account_name or spec.service_account or "default",
        pull_secrets=names,
        placement=placement_of(spec, tolerations),
        annotations=_merged(metadata.annotations, inner.annotations),
        labels=_merged(metadata.labels, inner.labels),
        uid=metadata.uid or "",
        owner_uid=owner.uid if owner else "",
        skip="being deleted" if metadata.deletion_timestamp else skip,
        blocks_account_copy=bool(spec.image_pull_secrets) and not names,
        runtime_class=spec.runtime_class_name or "",
    )


def pull_secret_names(references: list[LocalReference] | None) -> tuple[str, ...]:
    """Return the names in order, doubles kept, empty ones skipped as the kubelet does (pkg/kubelet/kubelet_pods.go)."""
    return tuple(reference.name for reference in references or () if reference.name)


def _merged(outer: Mapping[str, str] | None, inner: Mapping[str, str] | None) -> Mapping[str, str]:
    return {**outer, **inner} if outer and inner else inner or outer or {}


def _controller(metadata: Metadata) -> Owner | None:
    return next((owner for owner in metadata.owner_references or () if owner.controller), None)


def _owned_by(metadata: Metadata | None, group: str, kind: str) -> str | None:
    """Say that the object was judged at its owner, if it was."""
    owner = _controller(metadata) if metadata else None
    if owner is None or owner.kind != kind or not owner.api_version.startswith(group):
        return None
    return f'owned by {kind} "{owner.name}"'


def _job_finished(obj: JobObject) -> bool:
    conditions = (obj.status.conditions if obj.status else None) or ()
    return any(condition.status == "True" and condition.type in {"Complete", "Failed"} for condition in conditions)


def _idle_job(spec: JobSpec) -> str | None:
    if spec.suspend:
        return SUSPENDED
    return SCALED_TO_ZERO if spec.parallelism == 0 else None


def _row(kind: str, shape: type[T], read: Callable[[T, str], Workload]) -> PodBearing[T]:
    return PodBearing(kind, msgspec.json.Decoder(shape), shape, read)


POD = _row("Pod", PodObject, _pod)

PodBearingKind = (
    PodBearing[PodObject]
    | PodBearing[PodTemplateObject]
    | PodBearing[ScaledObject]
    | PodBearing[JobObject]
    | PodBearing[CronJobObject]
)

_KINDS: Mapping[tuple[str, str], PodBearingKind] = {
    ("", "Pod"): POD,
    ("", "PodTemplate"): _row("PodTemplate", PodTemplateObject, _pod_template),
    ("", "ReplicationController"): _row("ReplicationController", ScaledObject, _scaled),
    ("apps", "Deployment"): _row("Deployment", ScaledObject, _scaled),
    ("apps", "StatefulSet"): _row("StatefulSet", ScaledObject, _scaled),
    ("apps", "DaemonSet"): _row("DaemonSet", ScaledObject, _scaled),
    ("apps", "ReplicaSet"): _row("ReplicaSet", ScaledObject, _scaled),
    ("batch", "Job"): _row("Job", JobObject, _job),
    ("batch", "CronJob"): _row("CronJob", CronJobObject, _cron_job),
}


def pod_bearing(group: str, kind: str) -> PodBearingKind | None:
    """Return how to read objects of this API group (`""` is core) and kind, or None where they bear no pod."""
    return _KINDS.get((group, kind))
