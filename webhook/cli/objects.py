"""Objects of a cluster as a person names them: `pod/api-x2x8k`, `deploy/api`, `pod api-x2x8k` (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass

from webhook.cli.session import UsageProblem
from webhook.cluster.workloads import RESOURCES, Resource

_SHORT = {
    "po": "Pod",
    "deploy": "Deployment",
    "sts": "StatefulSet",
    "ds": "DaemonSet",
    "cj": "CronJob",
    "rs": "ReplicaSet",
    "rc": "ReplicationController",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """One object by kind and name."""

    resource: Resource
    name: str

    def __str__(self) -> str:
        return f"{self.resource.kind.lower()}/{self.name}"


def resource_of(kind: str) -> Resource | None:
    """Return what kubectl would take a kind for: singular, plural, short, with or without its group."""
    word, _, group = kind.lower().partition(".")
    word = _SHORT.get(word, word).lower()
    for resource in RESOURCES:
        if word in (resource.kind.lower(), resource.plural) and group in ("", resource.group):
            return resource
    return None


def named(texts: Sequence[str]) -> tuple[list[Named], list[str]]:
    """Return the objects and the image references among the texts; raise `UsageProblem` for a kind without a name."""
    first = resource_of(texts[0]) if texts else None
    if first is not None and len(texts) > 1:
        return [Named(resource=first, name=name) for name in texts[1:]], []
    if first is not None:
        raise UsageProblem(f"which {first.kind}? name it: {texts[0]}/NAME; an image is docker.io/library/{texts[0]}")
    objects: list[Named] = []
    references: list[str] = []
    for text in texts:
        kind, slash, name = text.partition("/")
        resource = resource_of(kind) if slash and name and not set(name) & set("/:@") else None
        if resource is None:
            references.append(text)
        else:
            objects.append(Named(resource=resource, name=name))
    return objects, references
