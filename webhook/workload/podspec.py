"""A pod's spec -> the images it would pull and where it may land (pure).

Images come in this order: containers, initContainers (sidecars are among them), ephemeralContainers, image volumes.
The replicas of a workload bring the same lists again and again: what was made of those of usual length is kept.
"""

from collections.abc import Hashable, Sequence
from operator import attrgetter

import msgspec

from webhook.image.reference import default_pull_policy
from webhook.workload.kept import Kept
from webhook.workload.wire import Affinity, Container, PodSpec, Requirement, Term, Volume, WireToleration
from webhook.workload.workload import ContainerImage, Placement, PullPolicy, Role, Selector, Toleration

_POLICIES = {policy.value: policy for policy in PullPolicy}
_image_of = attrgetter("image")
_NO_PLACEMENT = Placement()
_ANY_TAINT = (Toleration(operator="Exists"),)
_MOST_RULES, _MOST_VALUES = 256, 2048
"""Rules of a placement, and values in them, up to which nodes are held against it.

Five thousand nodes take a fifth of a second then, in which nobody else is served; a pod has room for fifty thousand.
"""
_IMAGES: Kept[tuple[tuple[Container, ...], Role, str, bool], tuple[ContainerImage, ...]] = Kept()
_PLACEMENTS: Kept[tuple[Hashable, ...], Placement] = Kept()


def images_of(spec: PodSpec, path: str, *, template: bool) -> tuple[ContainerImage, ...]:
    """Return every image of the spec at `path`.

    In a template a blank image is nothing to check: whoever makes the pods fills it in (OpenShift writes a blank for
    that, see validateContainerCommon), and a pod with a blank one is refused by the API server.
    """
    images = _containers(spec.containers, Role.CONTAINER, f"{path}.containers", template)
    if spec.init_containers:
        images += _containers(spec.init_containers, Role.INIT_CONTAINER, f"{path}.initContainers", template)
    if spec.ephemeral_containers:
        where = f"{path}.ephemeralContainers"
        images += _containers(spec.ephemeral_containers, Role.EPHEMERAL_CONTAINER, where, template)
    if spec.volumes and any(map(_image_of, spec.volumes)):
        images += _volumes(spec.volumes, f"{path}.volumes", template)
    return images


def pull_policy(text: str | None, image: str) -> PullPolicy:
    """Return the policy as written, or the one that the API server would fill in."""
    return _POLICIES.get(text or "") or PullPolicy(default_pull_policy(image))


def placement_of(spec: PodSpec, extra: tuple[Toleration, ...] = ()) -> Placement:
    """Return where the pod may land; `extra` are tolerations that its controller adds."""
    if not (spec.node_name or spec.node_selector or spec.affinity or spec.tolerations or spec.os or extra):
        return _NO_PLACEMENT
    if spec.affinity is not None:
        return _placement(spec, extra)
    selector, tolerations = spec.node_selector or {}, spec.tolerations or ()
    key = (spec.node_name, spec.os, tuple(selector.items()), tuple(tolerations), extra)
    placement = _PLACEMENTS.get(key)
    if placement is None:
        placement = _placement(spec, extra)
        _PLACEMENTS.put(key, placement, len(msgspec.json.encode((spec.node_name, spec.os, selector, tolerations))))
    return placement


def _placement(spec: PodSpec, extra: tuple[Toleration, ...]) -> Placement:
    """Return the placement as written; one with too many rules leaves every node in question."""
    if _too_much(spec):
        os = (spec.os.name if spec.os else "") or ""
        return Placement(node_name=spec.node_name or "", os=os, tolerations=_ANY_TAINT)
    return Placement(
        node_name=spec.node_name or "",
        os=(spec.os.name if spec.os else "") or "",
        node_selector=spec.node_selector or {},
        affinity=_required_terms(spec.affinity) if spec.affinity else None,
        tolerations=tuple(_toleration(toleration) for toleration in spec.tolerations or ()) + extra,
    )


def _too_much(spec: PodSpec) -> bool:
    required = spec.affinity.node_affinity.required if spec.affinity and spec.affinity.node_affinity else None
    terms = (required.node_selector_terms or ()) if required else ()
    rules = [rule for term in terms for rule in (*(term.match_expressions or ()), *(term.match_fields or ()))]
    values = sum([len(rule.values or ()) for rule in rules])
    count = len(spec.node_selector or ()) + len(spec.tolerations or ()) + len(terms) + len(rules)
    return count > _MOST_RULES or values > _MOST_VALUES


def _containers(
    containers: Sequence[Container] | None, role: Role, path: str, template: bool
) -> tuple[ContainerImage, ...]:
    if not containers:
        return ()
    key = (tuple(containers), role, path, template)
    images = _IMAGES.get(key)
    if images is None:
        made = (_container(container, role, path, index) for index, container in enumerate(containers))
        images = tuple(image for image in made if not (template and _blank(image.image)))
        _IMAGES.put(key, images, len(msgspec.json.encode(containers)))
    return images


def _blank(text: str) -> bool:
    return not text or text.isspace()


def _container(container: Container, role: Role, path: str, index: int) -> ContainerImage:
    image = container.image or ""
    return ContainerImage(
        role=role,
        name=container.name or "",
        image=image,
        pull_policy=pull_policy(container.image_pull_policy, image),
        field=f"{path}[{index}].image",
        # An ephemeral container is a person's look into a running pod: it may warn, never deny.
        judged=role is not Role.EPHEMERAL_CONTAINER,
    )


def _volumes(volumes: Sequence[Volume], path: str, template: bool) -> tuple[ContainerImage, ...]:
    return tuple(
        ContainerImage(
            role=Role.VOLUME,
            name=volume.name or "",
            image=volume.image.reference,
            pull_policy=pull_policy(volume.image.pull_policy, volume.image.reference),
            field=f"{path}[{index}].image.reference",
        )
        for index, volume in enumerate(volumes)
        if volume.image is not None and volume.image.reference and not (template and _blank(volume.image.reference))
    )


def _required_terms(affinity: Affinity) -> tuple[tuple[tuple[Selector, ...], tuple[Selector, ...]], ...] | None:
    required = affinity.node_affinity.required if affinity.node_affinity else None
    if required is None:
        return None
    return tuple(_term(term) for term in required.node_selector_terms or ())


def _term(term: Term) -> tuple[tuple[Selector, ...], tuple[Selector, ...]]:
    return _selectors(term.match_expressions), _selectors(term.match_fields)


def _selectors(requirements: Sequence[Requirement] | None) -> tuple[Selector, ...]:
    return tuple(
        Selector(key=requirement.key, operator=requirement.operator, values=tuple(requirement.values or ()))
        for requirement in requirements or ()
    )


def _toleration(toleration: WireToleration) -> Toleration:
    return Toleration(
        key=toleration.key or "",
        operator=toleration.operator or "Equal",
        value=toleration.value or "",
        effect=toleration.effect or "",
    )
