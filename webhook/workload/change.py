"""What an UPDATE changed of a pull (pure).

| changed | concerns |
|---|---|
| pull secrets, account, nodeName, nodeSelector, required affinity, tolerations, os | every image |
| replicas 0 -> n, suspend -> run | every image |
| a container's image or pull policy, or a new container | that image |
| anything else | nothing: the update is skipped |

Images are paired by role and name, which are unique in a pod; where they are not, by their order among equals.
"""

from collections import Counter
from dataclasses import replace

from webhook.workload.kinds import IDLE
from webhook.workload.workload import ContainerImage, Role, Workload

UNCHANGED = "nothing that rules the pull changed"

_Key = tuple[Role, str, int]


def changed(old: Workload, new: Workload) -> Workload:
    """Return `new` with only the images judged that the update concerns, skipped when there is none."""
    if new.skip is not None:
        return new
    if _woken(old) or _conditions(old) != _conditions(new):
        return new
    before = {key: _pull(image) for key, image in _keyed(old.images)}
    fresh = frozenset(key for key, image in _keyed(new.images) if before.get(key) != _pull(image))
    if not fresh:
        return replace(new, skip=UNCHANGED)
    return replace(
        new,
        images=tuple(image if key in fresh else replace(image, judged=False) for key, image in _keyed(new.images)),
    )


def _woken(old: Workload) -> bool:
    return old.skip in IDLE


def _conditions(workload: Workload) -> tuple[object, ...]:
    """Return what rules the pull of every image alike."""
    return (
        workload.pull_secrets,
        workload.blocks_account_copy,
        workload.service_account,
        workload.placement,
    )


def _pull(image: ContainerImage) -> tuple[str, str]:
    return image.image, image.pull_policy


def _keyed(images: tuple[ContainerImage, ...]) -> list[tuple[_Key, ContainerImage]]:
    seen: Counter[tuple[Role, str]] = Counter()
    keyed = []
    for image in images:
        name = (image.role, image.name)
        keyed.append(((*name, seen[name]), image))
        seen[name] += 1
    return keyed
