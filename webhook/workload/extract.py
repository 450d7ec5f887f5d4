"""A decoded Kubernetes document -> its workloads (pure).

Objects of a known kind are read as the API server would store them, the items of a List one by one, everything else by
shape. `ContainerImage.field` is the path in the document that was given: `items[2].spec.containers[0].image`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from webhook.workload.decoding import DEEPEST, TOO_LARGE, MalformedObject, below, text_at
from webhook.workload.fieldpath import Step, render_path
from webhook.workload.kinds import POD, pod_bearing
from webhook.workload.shape import by_shape
from webhook.workload.workload import Workload

_NO_PODS = frozenset({"CustomResourceDefinition", "ConfigMap", "Secret"})
_OLD_GROUPS = {"extensions": "apps"}


def workloads_of(obj: Mapping[str, object]) -> tuple[Workload, ...]:
    """Return every workload of an object or List; raise `MalformedObject` where it is none the API would take."""
    return tuple(_workloads(obj, ()))


def _workloads(obj: Mapping[str, object], path: tuple[Step, ...]) -> Iterator[Workload]:
    if len(path) > DEEPEST:
        raise MalformedObject(render_path(path[:4]), TOO_LARGE)
    kind, version = text_at(obj, "kind"), text_at(obj, "apiVersion")
    items = obj.get("items")
    if kind.endswith("List") and isinstance(items, list | tuple):
        # The items of a typed list as the API server sends it do not repeat their kind.
        implied = {"kind": kind.removesuffix("List"), "apiVersion": version}
        for index, item in enumerate(items):
            if isinstance(item, Mapping):
                yield from _workloads({**implied, **item}, (*path, "items", index))
    elif kind not in _NO_PODS:
        yield from _of_one(obj, kind, version.rpartition("/")[0], path)


def _of_one(obj: Mapping[str, object], kind: str, group: str, path: tuple[Step, ...]) -> Iterator[Workload]:
    known = pod_bearing(_OLD_GROUPS.get(group, group), kind)
    if known is None:
        yield from by_shape(obj, kind, path)
        return
    try:
        workload = known.convert(obj)
    except MalformedObject as error:
        raise below(path, error) from error
    if known is POD and not workload.uid:
        # A Pod that no API server has seen yet is as unfinished as a template.
        workload = replace(workload, template=True)
    yield _moved(workload, path)


def _moved(workload: Workload, path: tuple[Step, ...]) -> Workload:
    if not path:
        return workload
    prefix = render_path(path)
    return replace(workload, images=tuple(replace(image, field=f"{prefix}.{image.field}") for image in workload.images))
