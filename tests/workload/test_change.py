"""What of an UPDATE is judged."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.workload.change import UNCHANGED, changed
from webhook.workload.workload import (
    ContainerImage,
    Placement,
    PullPolicy,
    Role,
    Toleration,
    Workload,
)


def image(name: str, text: str, role: Role = Role.CONTAINER, policy: str = "IfNotPresent") -> ContainerImage:
    return ContainerImage(role=role, name=name, image=text, pull_policy=PullPolicy(policy), field=f"spec.{name}")


API, SIDE = image("api", "api:1"), image("side", "side:1")
OLD = Workload(kind="Deployment", namespace="shop", name="api", images=(API, SIDE), template=True)


def judged(workload: Workload) -> list[str]:
    return [found.name for found in workload.images if found.judged]


@pytest.mark.parametrize(
    "new",
    [
        OLD,
        replace(OLD, annotations={"a": "b"}, labels={"c": "d"}),
        replace(OLD, images=(API,)),
        replace(OLD, images=(SIDE, API)),
        replace(OLD, owner_uid="u"),
    ],
    ids=["same", "annotations", "a container less", "other order", "owner"],
)
def test_nothing_that_rules_the_pull(new: Workload) -> None:
    assert changed(OLD, new) == replace(new, skip=UNCHANGED)


@pytest.mark.parametrize(
    "new",
    [
        replace(OLD, pull_secrets=("regcred",)),
        replace(OLD, blocks_account_copy=True),
        replace(OLD, service_account="robot"),
        replace(OLD, placement=Placement(node_selector={"kubernetes.io/arch": "arm64"})),
        replace(OLD, placement=Placement(os="windows")),
        replace(OLD, placement=Placement(node_name="n1")),
        replace(OLD, placement=Placement(affinity=())),
        replace(OLD, placement=Placement(tolerations=(Toleration(operator="Exists"),))),
    ],
)
def test_what_concerns_every_image(new: Workload) -> None:
    after = changed(OLD, new)
    assert after.skip is None
    assert judged(after) == ["api", "side"]


@pytest.mark.parametrize(
    ("images", "names"),
    [
        ((image("api", "api:2"), SIDE), ["api"]),
        ((image("api", "api:1", policy="Always"), SIDE), ["api"]),
        ((image("api", "api:1"), SIDE, image("new", "new:1")), ["new"]),
        ((image("renamed", "api:1"), SIDE), ["renamed"]),
        ((API, SIDE, image("api", "api:1", Role.INIT_CONTAINER)), ["api"]),
        ((API, image("side", "side:2"), image("side", "side:1")), ["side", "side"]),
    ],
    ids=["image", "policy", "added", "renamed", "same name, other role", "doubled name"],
)
def test_what_concerns_one_image(images: tuple[ContainerImage, ...], names: list[str]) -> None:
    after = changed(OLD, replace(OLD, images=images))
    assert after.skip is None
    assert judged(after) == names
    assert [found.image for found in after.images] == [found.image for found in images]


@pytest.mark.parametrize("reason", ["scaled to 0", "suspended"])
def test_waking_up_concerns_every_image(reason: str) -> None:
    assert judged(changed(replace(OLD, skip=reason), OLD)) == ["api", "side"]


def test_orphaning_a_replica_set_wakes_nothing() -> None:
    assert changed(replace(OLD, skip='owned by Deployment "api"'), OLD).skip == UNCHANGED


@pytest.mark.parametrize("reason", ["scaled to 0", "being deleted"])
def test_what_is_skipped_stays_skipped(reason: str) -> None:
    new = replace(OLD, images=(), skip=reason)
    assert changed(OLD, new) is new


def test_an_ephemeral_container_never_denies_and_wakes_nothing_else() -> None:
    debug = replace(image("debug", "busybox:1", Role.EPHEMERAL_CONTAINER), judged=False)
    after = changed(OLD, replace(OLD, images=(*OLD.images, debug)))
    assert after.skip is None
    assert judged(after) == []


names = st.sampled_from(["a", "b", "c"])
images = st.lists(st.builds(image, names, st.sampled_from(["x:1", "x:2"]), st.sampled_from(Role)), max_size=5)
workloads = st.builds(lambda found: replace(OLD, images=tuple(found)), images)


@given(workloads, workloads)
def test_only_what_differs_is_judged_and_nothing_is_lost(old: Workload, new: Workload) -> None:
    after = changed(old, new)
    assert [(found.name, found.image, found.field) for found in after.images] == [
        (found.name, found.image, found.field) for found in new.images
    ]
    before = {(found.role, found.name, found.image) for found in old.images}
    for found in after.images:
        if after.skip is None and (found.role, found.name, found.image) not in before:
            assert found.judged
    assert changed(new, new).skip == UNCHANGED
