"""Pods whose pull we predicted to fail and let pass: whether their node pulled all the same (I/O).

| the pod, a few seconds or minutes later | means |
|---|---|
| waits with ErrImagePull, ImagePullBackOff, … or has a Failed event for the image | we were right |
| runs the image, and an event says that the node pulled it | we were wrong: a contradiction |
| runs the image, which was on the node already | nothing of the registry |
| is gone, is another, or has not got so far in five minutes | nothing |

Few pods are followed at a time, one for each registry and code. Source of the texts: pkg/kubelet/events/event.go and
pkg/kubelet/images/image_manager.go.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import msgspec

from webhook.cluster.api import Api, decode, segment
from webhook.cluster.failure import ClusterError, Denied, NotFound
from webhook.image.reference import InvalidReference, Reference
from webhook.policy.decision import Judged, Verdict
from webhook.policy.finding import FindingClass
from webhook.workload.workload import PullPolicy, Role

log = logging.getLogger(__name__)

_FAILED = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "ImageInspectError",
        "RegistryUnavailable",
        "SignatureValidationFailed",
    }
)
_PULLED = "Successfully pulled image"
_FIELDS = {Role.CONTAINER: "containers", Role.INIT_CONTAINER: "initContainers"}

Contradicted = Callable[[str, str, str], Awaitable[None]]
"""Registry, code and proof of a prediction that a node has contradicted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """One image of one pod, and what we said of it."""

    namespace: str
    pod: str
    uid: str
    container: str
    field: str
    image: str
    registry: str
    code: str
    always: bool
    until: float

    @property
    def key(self) -> tuple[str, str]:
        """What one proof is enough for."""
        return self.registry, self.code


class _Metadata(msgspec.Struct, rename="camel"):
    uid: str = ""
    deletion_timestamp: str | None = None


class _Waiting(msgspec.Struct):
    reason: str = ""


class _State(msgspec.Struct):
    waiting: _Waiting | None = None


class _ContainerStatus(msgspec.Struct):
    name: str = ""
    image_id: str = msgspec.field(default="", name="imageID")
    state: _State = msgspec.field(default_factory=_State)


class _Status(msgspec.Struct, rename="camel"):
    container_statuses: list[_ContainerStatus] | None = None
    init_container_statuses: list[_ContainerStatus] | None = None


class _Pod(msgspec.Struct):
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)
    status: _Status = msgspec.field(default_factory=_Status)


class _Involved(msgspec.Struct, rename="camel"):
    field_path: str = ""


class _Event(msgspec.Struct, rename="camel"):
    reason: str = ""
    message: str = ""
    involved_object: _Involved = msgspec.field(default_factory=_Involved)


class _Events(msgspec.Struct):
    items: list[_Event] | None = None


class Following:
    """Follows predicted failures; `run` is the task that does it."""

    def __init__(
        self, api: Api, contradicted: Contradicted, *, every: float = 8.0, patience: float = 300.0, most: int = 20
    ) -> None:
        """Ask for at most `most` pods, `every` so many seconds, for `patience` seconds each."""
        self._api = api
        self._contradicted = contradicted
        self._every = every
        self._patience = patience
        self._most = most
        self._open: dict[tuple[str, str], Prediction] = {}

    def follow(self, verdict: Verdict) -> None:
        """Remember what was predicted of an admitted pod; never waits, and takes no more than it can follow."""
        workload = verdict.workload
        if workload.template or not (workload.uid and workload.name) or not verdict.allowed:
            return
        until = asyncio.get_running_loop().time() + self._patience
        for judged in verdict.judged:
            for code in _predicted(judged):
                prediction = _prediction(verdict, judged, code, until)
                if prediction is None or prediction.key in self._open or len(self._open) >= self._most:
                    continue
                self._open[prediction.key] = prediction

    async def run(self) -> None:
        """Ask after the pods that are followed, for ever; ends by being cancelled."""
        while True:
            await asyncio.sleep(self._every)
            await self.ask()

    async def ask(self) -> None:
        """Ask once after each pod that is followed."""
        for key, prediction in list(self._open.items()):
            try:
                fate = await self._fate(prediction)
            except ClusterError as error:
                log.debug("cannot follow a pod: %s", error)
                fate = None
            late = asyncio.get_running_loop().time() >= prediction.until
            if fate is not None or late:
                del self._open[key]
            if fate:
                await self._contradicted(prediction.registry, prediction.code, fate)

    async def _fate(self, prediction: Prediction) -> str | None:
        """Return the proof of a contradiction, "" where there will be none, None where it is too early to tell."""
        try:
            path = f"/api/v1/namespaces/{segment(prediction.namespace)}/pods/{segment(prediction.pod)}"
            pod = decode(await self._api.request("GET", path), _Pod)
        except NotFound:
            return ""
        if pod.metadata.uid != prediction.uid or pod.metadata.deletion_timestamp:
            return ""
        status = _status(pod, prediction.container)
        if status is None:
            return None
        if status.state.waiting is not None and status.state.waiting.reason in _FAILED:
            return ""
        if not status.image_id:
            return None
        return await self._pulled(prediction)

    async def _pulled(self, prediction: Prediction) -> str:
        query = {"fieldSelector": f"involvedObject.uid={prediction.uid}"}
        pod = f"pod {prediction.namespace}/{prediction.pod}"
        try:
            path = f"/api/v1/namespaces/{segment(prediction.namespace)}/events"
            events = decode(await self._api.request("GET", path, query=query), _Events)
        except Denied:
            # Without events, only a policy of Always tells that the registry must have answered.
            return f"{pod} runs {prediction.image}, pulled by policy Always" if prediction.always else ""
        own = [each for each in events.items or () if each.involved_object.field_path == prediction.field]
        if any(each.reason == "Failed" and "pull" in each.message for each in own):
            return ""
        pulled = any(each.reason == "Pulled" and each.message.startswith(_PULLED) for each in own)
        return f"{pod}: its node pulled {prediction.image}" if pulled else ""


def _predicted(judged: Judged) -> list[str]:
    return [str(finding.code) for finding in judged.findings if finding.cls is FindingClass.FAIL]


def _prediction(verdict: Verdict, judged: Judged, code: str, until: float) -> Prediction | None:
    workload, image = verdict.workload, judged.image
    field = _FIELDS.get(image.role)
    try:
        reference = Reference.parse(image.image)
    except InvalidReference:
        return None  # the kubelet's own grammar, of no registry
    if field is None:
        return None
    return Prediction(
        namespace=workload.namespace,
        pod=workload.name,
        uid=workload.uid,
        container=image.name,
        field=f"spec.{field}{{{image.name}}}",
        image=image.image,
        registry=reference.registry,
        code=code,
        always=image.pull_policy is PullPolicy.ALWAYS,
        until=until,
    )


def _status(pod: _Pod, container: str) -> _ContainerStatus | None:
    statuses = (*(pod.status.container_statuses or ()), *(pod.status.init_container_statuses or ()))
    return next((status for status in statuses if status.name == container), None)
