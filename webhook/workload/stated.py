"""The one platform that a pod states for its nodes, where no node is known (pure).

    os      spec.os.name, or the label kubernetes.io/os
    arch    the label kubernetes.io/arch

Labels count where a node selector, or every required term of the node affinity, wants one value and no other. Windows
nodes are amd64 and amd64 nodes may be either; every other architecture is linux (Kubernetes documentation, "Windows
containers in Kubernetes"). What is left open stays open: no architecture is ever assumed.
"""

from webhook.image.platform import Platform
from webhook.workload.workload import Placement, Selector

_OS = ("kubernetes.io/os", "beta.kubernetes.io/os")
_ARCH = ("kubernetes.io/arch", "beta.kubernetes.io/arch")


def stated_platform(placement: Placement) -> Platform | None:
    """Return the platform of every node that the pod may land on, or None where it does not say."""
    os, arch = placement.os or _label(placement, _OS), _label(placement, _ARCH)
    if os == "windows":
        arch = arch or "amd64"
    elif arch and arch != "amd64":
        os = os or "linux"
    return Platform(os=os, architecture=arch).normalised() if os and arch else None


def _label(placement: Placement, keys: tuple[str, ...]) -> str:
    selected = {placement.node_selector[key] for key in keys if placement.node_selector.get(key)}
    terms = placement.affinity or ()
    wanted = [{value for each in expressions for value in _only(each, keys)} for expressions, _ in terms]
    if wanted and all(len(values) == 1 for values in wanted):
        selected |= set.union(*wanted)
    return selected.pop() if len(selected) == 1 else ""


def _only(selector: Selector, keys: tuple[str, ...]) -> tuple[str, ...]:
    single = selector.key in keys and selector.operator == "In" and len(selector.values) == 1
    return selector.values if single else ()
