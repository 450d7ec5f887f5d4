"""An object of unknown kind -> Workloads, its pods found by shape (pure).

A pod spec is a mapping with containers that name images, wherever it is: Argo Rollouts and Knative keep one under
`spec.template.spec`, operators anywhere. Beside it:

| where | shape |
|---|---|
| Tekton Task, TaskRun, Pipeline | `steps[]` and `sidecars[]` with an image, `stepTemplate` |
| Argo Workflows | `container` and `script` with an image, `initContainers[]`, `sidecars[]` |
| KubeVirt | `containerDisk` with an image, beside its volume's name |

Pull secrets and account are inherited from the nearest enclosing mapping that names them. An image that its controller
fills in (`$(params.image)`, `{{inputs.parameters.image}}`) names none yet: nothing to check.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from webhook.workload.decoding import DEEPEST, TOO_LARGE, MalformedObject, below, convert, text_at
from webhook.workload.fieldpath import Step, render_path
from webhook.workload.kinds import SCALED_TO_ZERO, SUSPENDED, pull_secret_names
from webhook.workload.podspec import images_of, placement_of, pull_policy
from webhook.workload.wire import Metadata, PodSpec
from webhook.workload.workload import ContainerImage, Role, Workload

_CONTAINER_LISTS = ("containers", "initContainers", "ephemeralContainers")
_STEP_LISTS = ("steps", "sidecars")
_SINGLE = {
    "container": Role.CONTAINER,
    "script": Role.CONTAINER,
    "stepTemplate": Role.CONTAINER,
    "containerDisk": Role.VOLUME,
}
_INHERITED = ("imagePullSecrets", "serviceAccountName")
_PLACEMENT = ("nodeName", "nodeSelector", "affinity", "tolerations", "os")

_VARIABLE = re.compile(r"\$\(|\{\{")
_MOST = 200_000
"""How many mappings of one object are looked at: YAML aliases can make a small file a huge tree."""


def by_shape(obj: Mapping[str, object], kind: str, path: tuple[Step, ...]) -> Iterator[Workload]:
    """Yield a workload for every pod spec in `obj`, which is at `path` of its document; raise `MalformedObject`."""
    metadata = _metadata(obj, path)
    skip = _idle(obj.get("spec"))
    for found in _mappings(obj, path):
        images = tuple(image for image in _images(found) if not _VARIABLE.search(image.image))
        if not images:
            continue
        spec = _convert(found, _spec_of(found), PodSpec)
        names = pull_secret_names(spec.image_pull_secrets)
        yield Workload(
            kind=kind,
            namespace=metadata.namespace or "",
            name=metadata.name or metadata.generate_name or "",
            images=images,
            template=True,
            service_account=spec.service_account_name or "default",
            pull_secrets=names,
            blocks_account_copy=bool(spec.image_pull_secrets) and not names,
            placement=placement_of(spec),
            annotations=metadata.annotations or {},
            labels=metadata.labels or {},
            uid=metadata.uid or "",
            skip="being deleted" if metadata.deletion_timestamp else skip,
        )


@dataclass(frozen=True, slots=True)
class _Found:
    """A mapping, where it is, and the pull secrets and account it inherits (its own included)."""

    mapping: Mapping[str, object]
    path: tuple[Step, ...]
    inherited: Mapping[str, object]


def _mappings(obj: Mapping[str, object], path: tuple[Step, ...]) -> Iterator[_Found]:
    """Yield every mapping of the tree in document order."""
    stack: list[tuple[object, tuple[Step, ...], Mapping[str, object]]] = [(obj, path, {})]
    seen = 0
    while stack:
        node, where, inherited = stack.pop()
        seen += 1
        if seen > _MOST or len(where) > DEEPEST:
            raise MalformedObject(render_path(where[:4]), TOO_LARGE)
        if isinstance(node, Mapping):
            inherited = _inherit(inherited, node)
            yield _Found(node, where, inherited)
            children = [(node[key], (*where, key), inherited) for key in node if isinstance(key, str)]
            stack.extend(reversed(children))
        elif isinstance(node, list | tuple):
            stack.extend((node[index], (*where, index), inherited) for index in reversed(range(len(node))))


def _inherit(outer: Mapping[str, object], node: Mapping[str, object]) -> Mapping[str, object]:
    named = {key: node[key] for key in _INHERITED if key in node}
    secret = text_at(node.get("containerDisk"), "imagePullSecret")
    if secret:
        named["imagePullSecrets"] = [{"name": secret}]
    return {**outer, **named} if named else outer


def _spec_of(found: _Found) -> Mapping[str, object]:
    """Return what besides images rules the pull; placement only from what is a pod's spec beyond doubt."""
    if not _is_pod_spec(found.mapping):
        return found.inherited
    return {**found.inherited, **{key: found.mapping[key] for key in _PLACEMENT if key in found.mapping}}


def _is_pod_spec(node: Mapping[str, object]) -> bool:
    return any(_names_images(node.get(key)) for key in _CONTAINER_LISTS)


def _images(found: _Found) -> Iterator[ContainerImage]:
    if _is_pod_spec(found.mapping):
        yield from images_of(_convert(found, found.mapping, PodSpec), render_path(found.path), template=True)
    for key in _STEP_LISTS:
        steps = found.mapping.get(key)
        if isinstance(steps, list | tuple):
            for index, step in enumerate(steps):
                yield from _single(step, (*found.path, key, index), Role.CONTAINER, f"{key}[{index}]")
    for key, role in _SINGLE.items():
        yield from _single(found.mapping.get(key), (*found.path, key), role, text_at(found.mapping, "name") or key)


def _single(node: object, path: tuple[Step, ...], role: Role, fallback: str) -> Iterator[ContainerImage]:
    image = text_at(node, "image")
    if image:
        yield ContainerImage(
            role=role,
            name=text_at(node, "name") or fallback,
            image=image,
            pull_policy=pull_policy(text_at(node, "imagePullPolicy"), image),
            field=render_path((*path, "image")),
        )


def _names_images(node: object) -> bool:
    return isinstance(node, list | tuple) and any(text_at(item, "image") for item in node)


def _idle(spec: object) -> str | None:
    if not isinstance(spec, Mapping):
        return None
    if spec.get("suspend") is True:
        return SUSPENDED
    replicas = spec.get("replicas")
    return SCALED_TO_ZERO if replicas == 0 and not isinstance(replicas, bool) else None


def _metadata(obj: Mapping[str, object], path: tuple[Step, ...]) -> Metadata:
    node = obj.get("metadata")
    if not isinstance(node, Mapping):
        return Metadata()
    try:
        return convert(node, Metadata)
    except MalformedObject as error:
        raise below((*path, "metadata"), error) from error


def _convert(found: _Found, node: Mapping[str, object], kind: type[PodSpec]) -> PodSpec:
    try:
        return convert(node, kind)
    except MalformedObject as error:
        raise below(found.path, error) from error
