"""Every kind that bears pods, and every place that an image can have in one."""

from collections.abc import Iterator
from typing import Any

from case import Case, Role, holding, login

from webhook.demo.images import ImageSpec, Kind

KINDS = ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "ReplicationController", "Job", "CronJob")


def cases() -> Iterator[Case]:
    for kind in KINDS:
        patience = 75 if kind == "CronJob" else 20
        yield _case(f"{kind.lower()}-good", f"{kind}: fine", True, kind=kind, patience=patience)
        if kind != "CronJob":
            yield _case(f"{kind.lower()}-tag", f"{kind}: a tag that is not there", False, there=False, kind=kind)
            yield _case(f"{kind.lower()}-login", f"{kind}: private, with its login", True, private=True, kind=kind)
            yield _case(
                f"{kind.lower()}-nologin", f"{kind}: private, without", False, private=True, bare=True, kind=kind
            )
    for role in (Role.INIT, Role.EPHEMERAL, Role.VOLUME):
        key = role.lower()
        yield _case(f"{key}-good", f"{role}: fine", True, role=role)
        yield _case(f"{key}-tag", f"{role}: a tag that is not there", False, there=False, role=role)
        yield _case(f"{key}-login", f"{role}: private, with its login", True, private=True, role=role)
        yield _case(f"{key}-nologin", f"{role}: private, without", False, private=True, bare=True, role=role)
        yield Case(
            id=f"workload-{key}-invalid", says=f"{role}: no reference", image="Not/A:Ref:", runs=False, role=role
        )
        never = _case(f"{key}-never", f"{role}: never pulled, not there", False, there=False, role=role, policy="Never")
        yield never
    for kind, runs in ((Kind.ARTIFACT, True), (Kind.CHART, True)):
        image = f"open.test/workloads/volume-{kind}:1"
        held = holding(image, ImageSpec(kind=kind))
        yield Case(
            id=f"workload-volume-{kind}",
            says=f"a volume may be no image: {kind}",
            image=image,
            runs=runs,
            role=Role.VOLUME,
            holds=(held,),
        )


def _case(
    key: str, says: str, runs: bool, *, there: bool = True, private: bool = False, bare: bool = False, **case: Any
) -> Case:
    image = f"basic.test/workloads/{key}"
    held = holding(f"{image}:1", public=not private)
    return Case(
        id=f"workload-{key}",
        says=says,
        image=f"{image}:{1 if there else 2}",
        runs=runs,
        holds=(held,),
        secrets=(login("basic.test"),) if private and not bare else (),
        **case,
    )
