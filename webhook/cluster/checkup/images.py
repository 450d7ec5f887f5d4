"""Which registries the cluster's pods come from (I/O: one list)."""

from collections import Counter

from webhook.cluster.api import Api
from webhook.cluster.workloads import Resource, list_workloads
from webhook.image.reference import InvalidReference, Reference
from webhook.workload.workload import Workload

_PODS = Resource("", "Pod", "pods")


async def registries_in_use(api: Api, *, most: int = 10) -> list[str]:
    """Return the registries of the cluster's pods, the most used first; empty where pods may not be listed."""
    counted: Counter[str] = Counter()
    async for each in list_workloads(api, None, resources=[_PODS]):
        if isinstance(each, Workload):
            counted.update(_registries(each))
    return [name for name, _ in counted.most_common(most)]


def _registries(workload: Workload) -> set[str]:
    found = set()
    for image in workload.images:
        try:
            reference = Reference.parse(image.image)
        except InvalidReference:
            continue
        if not reference.loopback:
            found.add(reference.registry)
    return found
