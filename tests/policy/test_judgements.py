"""Judgements of a moment ago: given again where all that a check may see is the same, and only there."""

import sys
from dataclasses import replace

import pytest

from webhook.credentials.credential import Credential
from webhook.credentials.pullsecret import Entry, PullSecret, PullSecrets, SecretState
from webhook.image.platform import Platform
from webhook.image.reference import Digest, Reference
from webhook.policy.decision import ActiveCheck, Judged, Policy
from webhook.policy.evidence import ClusterFacts, Evidence, Mutator, NodeFacts
from webhook.policy.finding import Code, Finding, FindingClass
from webhook.policy.judgements import Judgements, Like, Together, sight_of
from webhook.registry.resolution import Resolved
from webhook.workload.workload import ContainerImage, PullPolicy, Role, Workload

REFERENCE = Reference.parse("registry.example/app:1")
IMAGE = ContainerImage(
    role=Role.CONTAINER, name="app", image="registry.example/app:1", pull_policy=PullPolicy.ALWAYS, field="spec"
)
RESOLVED = Resolved(reference=REFERENCE, digest=Digest("sha256:" + "a" * 64), media_type="x")
WORKLOAD = Workload(kind="Pod", namespace="shop", name="app-1", uid="u-1", labels={"a": "b"})


class Watcher:
    """A policy with one check, which notes what it was shown."""

    def __init__(self) -> None:
        self.shown: list[Evidence] = []
        self.policy = Policy(checks=(ActiveCheck(Code.LATEST_TAG, self.find),))
        self.most = 8
        self.judgements = Judgements(lambda: self.most)

    def find(self, evidence: Evidence) -> Finding | None:
        self.shown.append(evidence)
        return Finding(code=Code.LATEST_TAG, cls=FindingClass.WARN, message="m", brief="b", fix="f")

    def judge(
        self,
        *,
        image: ContainerImage = IMAGE,
        workload: Workload = WORKLOAD,
        secrets: PullSecrets = PullSecrets(),  # noqa: B008 - a frozen value
        candidates: tuple[Credential, ...] = (),
        resolution: Resolved = RESOLVED,
        nodes: NodeFacts = NodeFacts(),  # noqa: B008
        cluster: ClusterFacts = ClusterFacts(),  # noqa: B008
    ) -> Judged:
        sight = sight_of(workload, secrets)
        assert sight is not None
        like = self.judgements.like(sight)
        return like.judge(self.policy, image, secrets, candidates, REFERENCE, resolution, nodes, cluster)


def test_the_same_evidence_is_judged_once() -> None:
    watcher = Watcher()
    first = watcher.judge()
    assert watcher.judge(resolution=replace(RESOLVED), workload=replace(WORKLOAD, name="app-2", uid="u-2")) is first
    assert len(watcher.shown) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"image": replace(IMAGE, name="b")},
        {"image": replace(IMAGE, pull_policy=PullPolicy.IF_NOT_PRESENT)},
        {"image": replace(IMAGE, judged=False)},
        {"workload": replace(WORKLOAD, namespace="b")},
        {"workload": replace(WORKLOAD, service_account="b")},
        {"workload": replace(WORKLOAD, template=True)},
        {"workload": replace(WORKLOAD, runtime_class="wasmtime")},
        {"workload": replace(WORKLOAD, platforms=(Platform(os="linux", architecture="arm64"),))},
        {"secrets": PullSecrets(account="b", account_missing=True)},
        {"resolution": replace(RESOLVED, media_type="y")},
        {"resolution": replace(RESOLVED, digest=Digest("sha256:" + "b" * 64))},
        {"nodes": NodeFacts(known=True)},
        {"cluster": ClusterFacts(mutators=(Mutator(title="m"),))},
    ],
    ids=lambda other: next(iter(other)),
)
def test_other_evidence_is_judged_anew(other: dict[str, object]) -> None:
    watcher = Watcher()
    watcher.judge()
    assert watcher.judge(**other).image == other.get("image", IMAGE)  # type: ignore[arg-type]
    assert len(watcher.shown) == 2


def test_another_policy_judges_anew() -> None:
    watcher = Watcher()
    watcher.judge()
    watcher.policy = replace(watcher.policy, checks=())
    assert watcher.judge().findings == ()


def test_no_check_sees_what_is_not_compared() -> None:
    watcher = Watcher()
    watcher.judge()
    (shown,) = watcher.shown
    assert (shown.workload.name, shown.workload.uid, shown.workload.labels, shown.workload.images) == ("", "", {}, ())


def login(username: str = "u", secret: str = "s", source: str = 'secret "r"') -> Credential:  # noqa: S107
    return Credential(username=username, secret=secret, source=source)


def secrets(credential: Credential, **fields: object) -> PullSecrets:
    entry = Entry(host=str(fields.get("host", "h")), key="h", credential=credential)
    return PullSecrets(secrets=(PullSecret(name="r", state=SecretState.USABLE, entries=(entry,)),))


def test_the_same_login_read_again_is_judged_once() -> None:
    watcher = Watcher()
    first = watcher.judge(secrets=secrets(login()), candidates=(login(),))
    assert watcher.judge(secrets=secrets(login()), candidates=(login(),)) is first
    assert watcher.shown[0].candidates == (login(),)
    assert watcher.shown[0].pull_secrets == secrets(login())


@pytest.mark.parametrize(
    "other",
    [
        {"secrets": secrets(login(secret="t")), "candidates": (login(secret="t"),)},
        {"secrets": secrets(login(username="v")), "candidates": (login(username="v"),)},
        {"secrets": secrets(login(), host="g"), "candidates": (login(),)},
        {"secrets": secrets(login(source="x")), "candidates": (login(),)},
        {"secrets": secrets(login()), "candidates": ()},
        {"secrets": secrets(login()), "candidates": (login(), login(secret="t"))},
        {"secrets": PullSecrets(secrets=(PullSecret(name="r", state=SecretState.MISSING),)), "candidates": (login(),)},
    ],
    ids=["secret", "user", "host", "source", "no candidate", "one more", "missing"],
)
def test_other_logins_are_judged_anew(other: dict[str, object]) -> None:
    watcher = Watcher()
    watcher.judge(secrets=secrets(login()), candidates=(login(),))
    watcher.judge(**other)  # type: ignore[arg-type]
    assert len(watcher.shown) == 2


def test_no_secret_is_kept() -> None:
    watcher = Watcher()
    watcher.judge(secrets=secrets(login(secret="hunter2")), candidates=(login(secret="hunter2"),))
    watcher.shown.clear()
    assert "hunter2" not in repr(watcher.judgements._kept)
    assert not any(isinstance(held, Credential) for held in reached(watcher.judgements._kept))


def reached(root: object) -> list[object]:
    """Return everything that can be reached from `root` through containers and slots."""
    found: list[object] = []
    left = [root]
    while left:
        one = left.pop()
        found.append(one)
        if isinstance(one, dict):
            left += [*one.keys(), *one.values()]
        elif isinstance(one, Like):
            left += [one._kept, one._shown.pull_secrets]
        elif isinstance(one, tuple | list | frozenset):
            left += one
        elif isinstance(one, Judged):
            left += [one.image, one.resolution, one.findings]
    return found


def test_secrets_with_many_entries_are_judged_anew_each_time() -> None:
    entries = tuple(Entry(host=str(each), key=str(each), credential=login()) for each in range(9))
    assert (
        sight_of(WORKLOAD, PullSecrets(secrets=(PullSecret(name="r", state=SecretState.USABLE, entries=entries),)))
        is None
    )


def test_their_number_is_bounded() -> None:
    watcher = Watcher()
    for number in range(100):
        watcher.judge(workload=replace(WORKLOAD, namespace=str(number)))
        assert len(watcher.judgements) <= 8


def test_a_bound_that_a_reload_lowered_holds_from_the_next_on() -> None:
    watcher = Watcher()
    for number in range(4):
        watcher.judge(workload=replace(WORKLOAD, namespace=str(number)))
    watcher.most = 2
    watcher.judge(workload=replace(WORKLOAD, namespace="new"))
    assert len(watcher.judgements) <= 2


def together(count: int, *, name: str = "app") -> Together:
    """What is kept of a pod with a list of its own, as each large one brings one."""
    images = tuple(replace(IMAGE, name=f"{name}{number}") for number in range(count))
    judged = tuple(Judged(image=image) for image in images)
    return Together(images, WORKLOAD.placement, Policy(), 0, 1.0, judged)


@pytest.mark.parametrize(("count", "name", "kept"), [(3, "app", True), (1000, "app", False), (1, "a" * 10_000, False)])
def test_large_pods_are_not_kept_in_one_piece(count: int, name: str, kept: bool) -> None:
    """An author who applies one again and again would fill the memory: a thousand images are a third of a MiB."""
    watcher = Watcher()
    watcher.most = 10_000
    sight = sight_of(WORKLOAD, PullSecrets())
    assert sight is not None
    pod = together(count, name=name)
    before = sys.getrefcount(pod)
    watcher.judgements.like(sight).keep(pod)
    after = sys.getrefcount(pod)
    assert after - before == kept


def test_small_ones_count_by_their_images() -> None:
    watcher = Watcher()
    sight = sight_of(WORKLOAD, PullSecrets())
    assert sight is not None
    watcher.judgements.like(sight).keep(together(5))
    assert len(watcher.judgements) == 1 + 5


def test_what_is_long_is_judged_anew_each_time() -> None:
    watcher = Watcher()
    for _ in range(2):
        watcher.judge(image=replace(IMAGE, name="a" * 10_000))
    assert len(watcher.shown) == 2
    assert sight_of(replace(WORKLOAD, service_account="a" * 10_000), PullSecrets()) is None
