"""What runs now: which of it is to be judged, and what has changed since the last look (pure).

A reschedule makes new pods, from the template of the object that owns them, so that template is what counts:

| object | judged |
|---|---|
| wants pods (Deployment, Job, a ReplicaSet that nobody owns, …) | by its template |
| a pod of nobody's, or of an owner that is not judged here | as it is; of pods alike with one owner, the first |
| a pod of an owner that is judged | by images that its owner's template does not have: injected, or an old revision's |
| finished, scaled to 0, suspended, being deleted, a mirror pod | not at all: nothing would be pulled |
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from webhook.policy.verdict import Verdict
from webhook.workload.workload import ContainerImage, Workload


def rescheduled(found: Sequence[Workload]) -> tuple[Workload, ...]:
    """Return what would be pulled anew if all that is found were rescheduled, in the order it was found."""
    owners = {each.uid: each for each in found if each.uid and each.template}
    done: set[Hashable] = set()
    judged: list[Workload] = []
    for each in found:
        if each.skip is not None:
            continue
        images = each.images if each.template else _own_images(each, owners)
        key = _likeness(each, images)
        if images and key not in done:
            done.add(key)
            judged.append(each if images == each.images else replace(each, images=images))
    return tuple(judged)


def _own_images(pod: Workload, owners: Mapping[str, Workload]) -> tuple[ContainerImage, ...]:
    """Return the images of a pod that no template that is judged above it has in the same container."""
    judged = (owner for owner in _above(pod, owners) if owner.skip is None)
    above = {(image.role, image.name, image.image) for owner in judged for image in owner.images}
    return tuple(image for image in pod.images if (image.role, image.name, image.image) not in above)


def _above(pod: Workload, owners: Mapping[str, Workload]) -> Iterable[Workload]:
    """Yield the owner, its owner, and so on; a circle ends."""
    seen: set[str] = set()
    owner = owners.get(pod.owner_uid)
    while owner is not None and owner.uid not in seen:
        seen.add(owner.uid)
        yield owner
        owner = owners.get(owner.owner_uid)


def _likeness(each: Workload, images: tuple[ContainerImage, ...]) -> Hashable:
    """Tell pods of one owner apart only by what rules their pulls; everything else is itself alone."""
    if each.template or not each.owner_uid:
        return (each.kind, each.namespace, each.name)
    pulled = tuple((image.name, image.image, image.pull_policy) for image in images)
    return (each.owner_uid, pulled, each.pull_secrets, each.service_account)


def would_deny(verdict: Verdict) -> Verdict:
    """Return the verdict with nothing but the findings for which `enforce` would refuse the object today."""
    refused = {judged.image.field: judged for judged, _ in verdict.denied}
    kept = tuple(
        replace(judged, findings=tuple(finding for each, finding in verdict.denied if each.image.field == field))
        for field, judged in refused.items()
    )
    return replace(verdict, judged=kept, workload=replace(verdict.workload, images=tuple(each.image for each in kept)))


@dataclass(frozen=True, slots=True)
class Change:
    """How many findings are new since the last look, and how many are gone."""

    new: int
    gone: int

    def __bool__(self) -> bool:
        return bool(self.new or self.gone)


def change(before: frozenset[str], now: frozenset[str]) -> Change:
    """Compare the fingerprints of two looks."""
    return Change(new=len(now - before), gone=len(before - now))
