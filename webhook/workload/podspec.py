"""A pod's spec -> the images it would pull and where it may land (pure).

Images come in this order: containers, initContainers (sidecars are among them), ephemeralContainers, image volumes.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache

from webhook.image.reference import default_pull_policy
from webhook.workload.wire import Affinity, Container, PodSpec, Requirement, Term, Volume, WireToleration
from webhook.workload.workload import ContainerImage, Placement, PullPolicy, Role, Selector, Toleration

_POLICIES = {policy.value: policy for policy in PullPolicy}
_NO_PLACEMENT = Placement()
_LONGEST_KEPT = 512


def images_of(spec: PodSpec, path: str, *, template: bool) -> tuple[ContainerImage, ...]:
    """Return every image of the spec at `path`.

    In a template a blank image is nothing to check: whoever makes the pods fills it in (OpenShift writes a blank for
    that, see validateContainerCommon), and a pod with a blank one is refused by the API server.
    """
    images = [*_containers(spec.containers, Role.CONTAINER, f"{path}.containers")]
    if spec.init_containers:
        images += _containers(spec.init_containers, Role.INIT_CONTAINER, f"{path}.initContainers")
    if spec.ephemeral_containers:
        images += _containers(spec.ephemeral_containers, Role.EPHEMERAL_CONTAINER, f"{path}.ephemeralContainers")
    if spec.volumes:
        images += _volumes(spec.volumes, f"{path}.volumes")
    if template:
        return tuple(image for image in images if image.image and not image.image.isspace())
    return tuple(images)


def pull_policy(text: str | None, image: str) -> PullPolicy:
    """Return the policy as written, or the one that the API server would fill in."""
    return _POLICIES.get(text or "") or PullPolicy(default_pull_policy(image))


def placement_of(spec: PodSpec, extra: tuple[Toleration, ...] = ()) -> Placement:
    """Return where the pod may land; `extra` are tolerations that its controller adds."""
    if not (spec.node_name or spec.node_selector or spec.affinity or spec.tolerations or spec.os or extra):
        return _NO_PLACEMENT
    return Placement(
        node_name=spec.node_name or "",
        os=(spec.os.name if spec.os else "") or "",
        node_selector=spec.node_selector or {},
        affinity=_required_terms(spec.affinity) if spec.affinity else None,
        tolerations=tuple(_toleration(toleration) for toleration in spec.tolerations or ()) + extra,
    )


def _containers(containers: Sequence[Container] | None, role: Role, path: str) -> Iterator[ContainerImage]:
    for index, container in enumerate(containers or ()):
        texts = (container.image, container.name, container.image_pull_policy, path)
        usual = sum([len(text) for text in texts if text]) <= _LONGEST_KEPT
        yield _kept_container(container, role, path, index) if usual else _container(container, role, path, index)


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


_kept_container = lru_cache(maxsize=8192)(_container)
"""The replicas of a workload bring the same containers again and again; only those of usual length are kept."""


def _volumes(volumes: Sequence[Volume], path: str) -> Iterator[ContainerImage]:
    for index, volume in enumerate(volumes):
        if volume.image is not None and volume.image.reference:
            yield ContainerImage(
                role=Role.VOLUME,
                name=volume.name or "",
                image=volume.image.reference,
                pull_policy=pull_policy(volume.image.pull_policy, volume.image.reference),
                field=f"{path}[{index}].image.reference",
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
