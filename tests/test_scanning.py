"""What of all that is found would be pulled anew."""

from webhook.scanning import Change, change, rescheduled
from webhook.workload.workload import ContainerImage, PullPolicy, Role, Subject, Workload


def images(*texts: str) -> tuple[ContainerImage, ...]:
    return tuple(
        ContainerImage(
            role=Role.CONTAINER, name=f"c{place}", image=text, pull_policy=PullPolicy.ALWAYS, field=f"spec[{place}]"
        )
        for place, text in enumerate(texts)
    )


def owner(kind: str, uid: str, *texts: str, above: str = "", skip: str | None = None) -> Workload:
    found = images(*texts)
    return Workload(
        kind=kind, namespace="a", name=uid, images=found, template=True, uid=uid, owner_uid=above, skip=skip
    )


def pod(uid: str, *texts: str, above: str = "", skip: str | None = None) -> Workload:
    subject = Subject.OWNED_PODS if above else Subject.PODS
    return Workload(
        kind="Pod", namespace="a", name=uid, images=images(*texts), uid=uid, owner_uid=above, skip=skip, subject=subject
    )


def judged(*found: Workload) -> list[tuple[str, list[str]]]:
    return [(each.name, [image.image for image in each.images]) for each in rescheduled(found)]


def test_pods_as_their_template_wants_them_are_judged_by_it() -> None:
    deployment, rs = owner("Deployment", "d", "x"), owner("ReplicaSet", "rs", "x", above="d", skip="owned")
    assert judged(deployment, rs, pod("p", "x", above="rs"), pod("q", "x", above="rs")) == [("d", ["x"])]


def test_an_injected_sidecar_is_judged_once() -> None:
    found = judged(owner("StatefulSet", "s", "x"), pod("p", "x", "proxy", above="s"), pod("q", "x", "proxy", above="s"))
    assert found == [("s", ["x"]), ("p", ["proxy"])]


def test_an_old_revision_that_runs_is_judged_too() -> None:
    deployment, old = owner("Deployment", "d", "x:2"), owner("ReplicaSet", "old", "x:1", above="d", skip="owned")
    assert judged(deployment, old, pod("p", "x:1", above="old")) == [("d", ["x:2"]), ("p", ["x:1"])]


def test_pods_of_an_owner_that_nobody_lists_are_judged_once_for_each_kind_of_pod() -> None:
    found = judged(pod("p", "x", above="?"), pod("q", "x", above="?"), pod("r", "y", above="?"))
    assert found == [("p", ["x"]), ("r", ["y"])]


def test_what_pulls_nothing_is_left_out() -> None:
    assert judged(owner("Job", "j", "x", skip="finished"), pod("p", "x", skip="finished")) == []


def test_owners_in_a_circle_end() -> None:
    first, second = owner("A", "a", "x", above="b", skip="odd"), owner("B", "b", "y", above="a", skip="odd")
    assert judged(first, second, pod("p", "x", above="a")) == [("p", ["x"])]


def test_what_changed() -> None:
    assert change(frozenset("ab"), frozenset("bcd")) == Change(new=2, gone=1)
    assert not change(frozenset("a"), frozenset("a"))
