"""The cluster's nodes in memory, kept small and quick to ask (pure).

Every set of nodes is one int, a bit a node: 5,000 nodes are 625 bytes a set, and "how many of the eligible nodes list
this image" is an `and` and a count. The sets that placements select are kept for the next pod with the same placement
and corrected node by node as nodes change, so that no admission ever walks over all nodes twice; and what was told of a
placement is told again until a node changes.

Who is eligible follows the scheduler (plugins nodeaffinity, tainttoleration, nodename), with one deviation: taints that
come and go with a node's health, and those of its start, do not count, since the pod may land there once they are gone.
"""

from collections import OrderedDict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeVar

from webhook.image.platform import Platform
from webhook.image.reference import InvalidReference, Reference
from webhook.policy.evidence import NodeFacts, Runtime
from webhook.workload.workload import Placement, Selector, Toleration

_PASSING = (
    "node.kubernetes.io/",
    "node.cloudprovider.kubernetes.io/",
    "node.cilium.io/",
    "karpenter.sh/",
    "ToBeDeletedByClusterAutoscaler",
    "DeletionCandidateOfClusterAutoscaler",
)
K = TypeVar("K", bound=Hashable)

_ALL_BORNE = (Toleration(operator="Exists"),)
_PLACEMENTS = 512
_NAMES = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Taint:
    """One taint of a node."""

    key: str
    value: str = ""
    effect: str = "NoSchedule"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """What a pod's fate depends on. `rechecks`: the kubelet asks for credentials though the image is there (1.35).

    `cut`: its status lists as many images as it may, so it may have others. `mirrors`: registry (`*` for all) and why
    it may be asked for at a mirror.
    """

    name: str
    platform: Platform
    runtime: Runtime = Runtime.UNKNOWN
    rechecks: bool = False
    cut: bool = False
    mirrors: tuple[tuple[str, str], ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()


class _Asked(NamedTuple):
    """What the facts of one placement differ by.

    Whether a template's pods are yet to be made, how many of its nodes hold the image, whether any node does, and why
    one may ask a mirror.
    """

    template: bool
    holding: int
    listed: bool
    mirrors: str


@dataclass(slots=True)
class _Selected:
    """The nodes that a placement selects, and what was told of them."""

    placement: Placement
    nodes: int
    told: dict[_Asked, NodeFacts] = field(default_factory=dict)


class NodeTable:
    """All nodes. `facts` is what the pipeline asks; `put` and `delete` are called by the watch.

    `changes`: how often anything changed that `facts` tells.
    """

    def __init__(self) -> None:
        self.changes = 0
        self._nodes: dict[str, tuple[int, Node]] = {}
        self._images: dict[str, tuple[str, ...]] = {}
        self._free: list[int] = []
        self._holding: dict[str, int] = {}
        self._platforms: dict[Platform, int] = {}
        self._runtimes: dict[Runtime, int] = {}
        self._mirrors: dict[tuple[str, str], int] = {}
        self._rechecking = 0
        self._cut = 0
        self._selected: OrderedDict[Hashable, _Selected] = OrderedDict()
        self._recent: dict[int, tuple[Placement, _Selected]] = {}
        self._spelled: dict[str, str | None] = {}

    def __len__(self) -> int:
        return len(self._nodes)

    def facts(self, placement: Placement, reference: Reference | None, *, template: bool = False) -> NodeFacts:
        """Tell what is known of the nodes that this placement may land on; `template`: its pods are yet to be made."""
        selected = self._select(placement)
        holding = self._holding.get(_key(reference), 0) if reference else 0
        asked = _Asked(
            template=template,
            holding=(holding & selected.nodes).bit_count(),
            listed=bool(holding),
            mirrors=self._mirrored(reference, selected.nodes) if self._mirrors and reference else "",
        )
        told = selected.told.get(asked)
        if told is None:
            told = selected.told[asked] = self._tell(placement, selected.nodes, asked)
        return told

    def _tell(self, placement: Placement, eligible: int, asked: _Asked) -> NodeFacts:
        mixed = asked.template and len(self._platforms) > 1
        return NodeFacts(
            known=True,
            eligible=eligible.bit_count(),
            platforms=self._platforms_of(eligible),
            holding=asked.holding,
            runtimes=self._runtimes_of(eligible),
            rechecks_credentials=bool(self._rechecking & eligible),
            cut=bool(self._cut & eligible),
            listed=asked.listed,
            mirrors=asked.mirrors,
            tainted=self._tainted(placement, eligible) if mixed else frozenset(),
        )

    def eligible(self, placement: Placement) -> int:
        """Return the set of nodes that this placement may land on, a bit a node."""
        return self._select(placement).nodes

    def _select(self, placement: Placement) -> "_Selected":
        """Return what is known of a placement; most are the very ones of the pod before."""
        recent = self._recent.get(id(placement))
        if recent is not None and recent[0] is placement:
            return recent[1]
        key = _placement_key(placement)
        selected = self._selected.get(key)
        if selected is None:
            nodes = sum(1 << slot for slot, node in self._nodes.values() if fits(placement, node))
            selected = self._selected[key] = _Selected(placement, nodes)
        self._selected.move_to_end(key)
        if len(self._selected) > _PLACEMENTS or len(self._recent) >= _PLACEMENTS:
            self._recent.clear()
        if len(self._selected) > _PLACEMENTS:
            self._selected.popitem(last=False)
        self._recent[id(placement)] = placement, selected
        return selected

    def _platforms_of(self, chosen: int) -> frozenset[Platform]:
        return frozenset(platform for platform, nodes in self._platforms.items() if nodes & chosen)

    def _runtimes_of(self, eligible: int) -> frozenset[Runtime]:
        """Return the runtimes of the eligible nodes; where a node is still to come, it will be like the others."""
        return frozenset(runtime for runtime, nodes in self._runtimes.items() if nodes & eligible or not eligible)

    def _mirrored(self, reference: Reference, eligible: int) -> str:
        """Say why a node may ask a mirror for this; where a node is still to come, it will be like the others."""
        fitting = (
            reason
            for (name, reason), nodes in self._mirrors.items()
            if name in ("*", reference.registry) and (nodes & eligible or not eligible)
        )
        return next(fitting, "")

    def _tainted(self, placement: Placement, eligible: int) -> frozenset[Platform]:
        """Return the platforms of the nodes that only their taints keep out."""
        return self._platforms_of(self.eligible(replace(placement, tolerations=_ALL_BORNE)) & ~eligible)

    def put(self, node: Node, images: Iterable[str]) -> None:
        """Take in a node and the image names of its status."""
        slot, before = self._nodes.get(node.name, (-1, None))
        if before is None:
            slot = self._free.pop() if self._free else len(self._nodes)
        if before != node:
            self._forget(slot, before)
            self._nodes[node.name] = (slot, node)
            self._remember(slot, node)
        self._hold(node.name, slot, tuple(sorted(set(self._normal(images)))))

    def delete(self, name: str) -> None:
        """Forget a node; it may be unknown."""
        slot, before = self._nodes.pop(name, (-1, None))
        if before is None:
            return
        self._forget(slot, before)
        self._hold(name, slot, ())
        del self._images[name]
        self._free.append(slot)

    def keep_only(self, names: set[str]) -> None:
        """Forget all other nodes."""
        for name in [name for name in self._nodes if name not in names]:
            self.delete(name)

    def _remember(self, slot: int, node: Node) -> None:
        self.changes += 1
        bit = 1 << slot
        self._platforms[node.platform] = self._platforms.get(node.platform, 0) | bit
        self._runtimes[node.runtime] = self._runtimes.get(node.runtime, 0) | bit
        self._rechecking |= bit if node.rechecks else 0
        self._cut |= bit if node.cut else 0
        for mirror in node.mirrors:
            self._mirrors[mirror] = self._mirrors.get(mirror, 0) | bit
        for selected in self._selected.values():
            selected.nodes |= bit if fits(selected.placement, node) else 0
            selected.told.clear()

    def _forget(self, slot: int, node: Node | None) -> None:
        if node is None:
            return
        self.changes += 1
        bit = 1 << slot
        _drop(self._platforms, node.platform, bit)
        _drop(self._runtimes, node.runtime, bit)
        for mirror in node.mirrors:
            _drop(self._mirrors, mirror, bit)
        self._rechecking &= ~bit
        self._cut &= ~bit
        for selected in self._selected.values():
            selected.nodes &= ~bit
            selected.told.clear()

    def _hold(self, name: str, slot: int, names: tuple[str, ...]) -> None:
        before = self._images.get(name, ())
        if before == names:
            self._images.setdefault(name, names)
            return
        self.changes += 1
        bit = 1 << slot
        for each in set(before).difference(names):
            _drop(self._holding, each, bit)
        for each in set(names).difference(before):
            self._holding[each] = self._holding.get(each, 0) | bit
        self._images[name] = names

    def _normal(self, names: Iterable[str]) -> Iterator[str]:
        """Yield the names as the kubelet would write them; each spelling is parsed once and kept once."""
        for text in names:
            if text not in self._spelled:
                if len(self._spelled) >= _NAMES:
                    self._spelled.clear()
                self._spelled[text] = _spell(text)
            normal = self._spelled[text]
            if normal is not None:
                yield normal


def _drop(sets: dict[K, int], key: K, bit: int) -> None:
    left = sets.pop(key) & ~bit
    if left:
        sets[key] = left


def _key(reference: Reference) -> str:
    """Name what the runtime would look for: the tag is dropped beside a digest."""
    return f"{reference.name}@{reference.digest}" if reference.digest else f"{reference.name}:{reference.tag}"


def _spell(text: str) -> str | None:
    try:
        normal = _key(Reference.parse(text))
    except InvalidReference:
        return None
    return text if normal == text else normal


def _placement_key(placement: Placement) -> Hashable:
    selector = tuple(sorted(placement.node_selector.items())) if placement.node_selector else ()
    return placement.node_name, placement.os, selector, placement.affinity, placement.tolerations


def fits(placement: Placement, node: Node) -> bool:
    """Tell whether the scheduler may put such a pod on this node, now or once the node is well."""
    if placement.os and placement.os != node.platform.os:
        return False
    if placement.node_name:
        return placement.node_name == node.name
    labels = node.labels
    return (
        all(labels.get(key) == value for key, value in placement.node_selector.items())
        and (placement.affinity is None or any(_term_holds(term, node) for term in placement.affinity))
        and all(_bearable(taint, placement.tolerations) for taint in node.taints)
    )


def _term_holds(term: tuple[tuple[Selector, ...], tuple[Selector, ...]], node: Node) -> bool:
    """Judge one term; an empty one selects nothing (component-helpers scheduling/corev1/nodeaffinity)."""
    expressions, fields = term
    return bool(expressions or fields) and (
        all(_holds(each, node.labels.get(each.key)) for each in expressions)
        and all(_holds(each, node.name if each.key == "metadata.name" else None) for each in fields)
    )


def _holds(selector: Selector, value: str | None) -> bool:
    match selector.operator:
        case "In":
            return value in selector.values
        case "NotIn":
            return value not in selector.values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt":
            return _compares(selector, value)
        case _:
            return True  # an operator of a later release: the node stays in question


def _compares(selector: Selector, value: str | None) -> bool:
    try:
        have, wanted = int(value or ""), int(selector.values[0])
    except (ValueError, IndexError):
        return False
    return have > wanted if selector.operator == "Gt" else have < wanted


def _bearable(taint: Taint, tolerations: tuple[Toleration, ...]) -> bool:
    if taint.effect not in {"NoSchedule", "NoExecute"} or taint.key.startswith(_PASSING):
        return True
    return any(_tolerates(each, taint) for each in tolerations)


def _tolerates(toleration: Toleration, taint: Taint) -> bool:
    """Judge as core/v1 `Toleration.ToleratesTaint`; an operator of a later release tolerates."""
    if toleration.effect and toleration.effect != taint.effect:
        return False
    if toleration.key and toleration.key != taint.key:
        return False
    return toleration.operator not in {"", "Equal"} or toleration.value == taint.value
