"""What was seen of a workload that runs, or tries to (pure).

Names follow the API: a container `waits` for a reason, a `Saying` is an Event or the message of a waiting container.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from webhook.workload.workload import Workload

PULL_TROUBLE: Final = frozenset(
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
"""Reasons for which a container waits for its image (pkg/kubelet/images/types.go)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """One thing that the kubelet said; `container` is "" for what concerns the whole pod."""

    reason: str
    message: str
    container: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenContainer:
    """How a container is: `waiting` is the reason it does not run yet, or ""."""

    waiting: str = ""
    message: str = ""
    running: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenPod:
    """One pod. `unscheduled`: why it has no node yet, or ""; `said`: its Events, oldest first."""

    workload: Workload
    node: str = ""
    unscheduled: str = ""
    containers: Mapping[str, SeenContainer] = field(default_factory=dict)
    said: tuple[Saying, ...] = ()

    @property
    def stuck(self) -> bool:
        """Tell whether a container waits for its image."""
        return any(each.waiting in PULL_TROUBLE for each in self.containers.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """An object, and the pod of it that tells most; `pods`: how many it has, `stuck` of them wait for images.

    `unread`: what of it could not be read, a clause each.
    """

    workload: Workload
    pod: SeenPod | None = None
    pods: int = 0
    stuck: int = 0
    unread: tuple[str, ...] = ()
