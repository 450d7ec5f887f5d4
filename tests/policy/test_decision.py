"""Who is denied, who is warned, and who is left alone."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date

import pytest

from webhook.policy.decision import Judged, Mode, Outcome, Policy, Verdict
from webhook.policy.evidence import Evidence
from webhook.policy.exemption import Exemption
from webhook.policy.finding import Certainty, Code, Finding, FindingClass
from webhook.policy.level import Level
from webhook.registry.resolution import Failure
from webhook.settings.decoding import decode
from webhook.settings.policy import policy_of
from webhook.settings.schema import Settings
from webhook.workload.workload import ContainerImage, PullPolicy, Role, Subject, Workload

Make = Callable[..., Evidence]

TODAY = date(2026, 11, 23)
POD = Workload(kind="Pod", namespace="shop", name="api")
IMAGE = ContainerImage(
    role=Role.CONTAINER,
    name="api",
    image="ghcr.io/acme/api:1",
    pull_policy=PullPolicy.IF_NOT_PRESENT,
    field="spec.containers[0].image",
)


def finding(code: Code, cls: FindingClass, certainty: Certainty | None = None) -> Finding:
    return Finding(code=code, cls=cls, message=f"{code}.", brief=f": {code}", fix="mend it", certainty=certainty)


CERTAIN = finding(Code.IMAGE_NOT_FOUND, FindingClass.FAIL, Certainty.CERTAIN)
LIKELY = finding(Code.UNAUTHORIZED, FindingClass.FAIL, Certainty.LIKELY)
ERROR = finding(Code.RATE_LIMITED, FindingClass.ERROR)
WARNING = finding(Code.PULL_SECRET_IGNORED, FindingClass.WARN)
LATEST = finding(Code.LATEST_TAG, FindingClass.WARN)
UNPINNED = finding(Code.UNPINNED_DIGEST, FindingClass.WARN)
MOVED = finding(Code.TAG_MOVED, FindingClass.WARN)
SKIPPED = finding(Code.NOT_VERIFIED, FindingClass.SKIP)
EVERYTHING = (CERTAIN, LIKELY, ERROR, WARNING, LATEST, UNPINNED, MOVED, SKIPPED)


def decide(
    config: str = "",
    *,
    labels: Mapping[str, str] | None = None,
    user: str = "jane",
    workload: Workload = POD,
    judged: tuple[Judged, ...] | None = None,
) -> Verdict:
    policy = policy_of(decode(config), today=lambda: TODAY)
    asked = (Judged(image=IMAGE, findings=EVERYTHING),) if judged is None else judged
    return policy.decide(workload, asked, labels=labels or {}, user=user)


def codes(pairs: tuple[tuple[Judged, Finding], ...]) -> list[str]:
    return [found.code.value for _, found in pairs]


FAILS = ["image-not-found", "unauthorized"]
TAGS = ["latest-tag", "unpinned-digest", "tag-moved"]
WARNED = ["unauthorized", "rate-limited", "pull-secret-ignored", *TAGS]


@pytest.mark.parametrize(
    ("config", "labels", "denied"),
    [
        pytest.param("", {}, ["image-not-found"], id="default: the certain fail alone"),
        pytest.param("defaults: {enforce: off}", {}, [], id="enforce off by default"),
        pytest.param("", {"pullproof.dev/enforce": "off"}, [], id="enforce off by label"),
        pytest.param("", {"pullproof.dev/enforce": "of"}, ["image-not-found"], id="a wrong label is ignored"),
        pytest.param(
            "defaults: {enforce: off}", {"pullproof.dev/enforce": "baseline"}, ["image-not-found"], id="label"
        ),
        pytest.param("enforce: off", {"pullproof.dev/enforce": "strict"}, [], id="the kill switch beats labels"),
        pytest.param("", {"pullproof.dev/enforce": "strict"}, ["image-not-found", *TAGS], id="strict: tag policies"),
        pytest.param("onUnknown: deny", {}, ["image-not-found", "rate-limited"], id="errors where configured"),
        pytest.param("onUnknown: deny\nenforce: off", {}, [], id="kill switch beats onUnknown"),
        pytest.param(
            "checks: {pull-secret-ignored: {level: baseline}}",
            {},
            ["image-not-found", "pull-secret-ignored"],
            id="a warning whose own level says so",
        ),
        pytest.param(
            "checks: {pull-secret-ignored: {level: strict}}", {}, ["image-not-found"], id="its level is not reached"
        ),
        pytest.param(
            "checks: {pull-secret-ignored: {level: strict}}",
            {"pullproof.dev/enforce": "strict"},
            ["image-not-found", "pull-secret-ignored", *TAGS],
            id="its level is reached",
        ),
        pytest.param("checks: {latest-tag: {level: baseline}}", {}, ["image-not-found", "latest-tag"], id="tag policy"),
        pytest.param("checks: {image-not-found: {level: strict}}", {}, [], id="a fail made less"),
        pytest.param("checks: {unauthorized: {level: baseline}}", {}, ["image-not-found"], id="likely stays likely"),
        pytest.param("breakGlass: {users: [jane]}", {}, [], id="break glass"),
        pytest.param("breakGlass: {users: [jan]}", {}, ["image-not-found"], id="break glass for another"),
        pytest.param("enforceOn: [workloads]", {}, ["image-not-found"], id="workloads are enforced"),
        pytest.param("enforceOn: [pods, ownedPods]", {}, [], id="workloads are not enforced"),
    ],
)
def test_denied(config: str, labels: dict[str, str], denied: list[str]) -> None:
    verdict = decide(config, labels=labels)
    assert codes(verdict.denied) == denied
    assert verdict.allowed is (not denied)


@pytest.mark.parametrize(
    ("labels", "warned", "audited"),
    [
        pytest.param({}, WARNED, ["image-not-found", *WARNED], id="default: all, the denied only in the audit"),
        pytest.param(
            {"pullproof.dev/warn": "baseline"},
            ["unauthorized", "rate-limited"],
            ["image-not-found", *WARNED],
            id="warn at baseline",
        ),
        pytest.param({"pullproof.dev/warn": "off", "pullproof.dev/audit": "off"}, [], [], id="off"),
        pytest.param(
            {"pullproof.dev/enforce": "off", "pullproof.dev/audit": "baseline"},
            ["image-not-found", *WARNED],
            ["image-not-found", "unauthorized", "rate-limited"],
            id="what is not denied is warned about",
        ),
    ],
)
def test_warned_and_audited(labels: dict[str, str], warned: list[str], audited: list[str]) -> None:
    verdict = decide(labels=labels)
    assert codes(verdict.warned) == warned
    assert codes(verdict.audited) == audited


@pytest.mark.parametrize("subject", list(Subject))
def test_pods_of_controllers_are_warned_about(subject: Subject) -> None:
    verdict = decide(workload=replace(POD, subject=subject))
    owned = subject is Subject.OWNED_PODS
    assert verdict.allowed is owned
    assert ("image-not-found" in codes(verdict.warned)) is owned


@pytest.mark.parametrize(
    "image",
    [replace(IMAGE, judged=False), replace(IMAGE, role=Role.EPHEMERAL_CONTAINER)],
    ids=["unchanged by the update", "ephemeral"],
)
def test_never_denied(image: ContainerImage) -> None:
    verdict = decide("onUnknown: deny", judged=(Judged(image=image, findings=EVERYTHING),))
    assert verdict.allowed
    assert "image-not-found" in codes(verdict.warned)


def test_only_the_image_in_question_is_denied() -> None:
    bad, old = Judged(image=IMAGE, findings=(CERTAIN,)), Judged(image=replace(IMAGE, judged=False), findings=(CERTAIN,))
    assert decide(judged=(bad, old)).denied == ((bad, CERTAIN),)


def test_break_glass_says_so() -> None:
    verdict = decide("breakGlass: {users: [jane]}")
    assert verdict.break_glass
    assert "image-not-found" in codes(verdict.warned)
    assert not decide("breakGlass: {users: [jane]}", judged=()).break_glass


def test_levels_in_force() -> None:
    verdict = decide("defaults: {audit: baseline}", labels={"pullproof.dev/enforce": "strict"})
    assert verdict.levels == {Mode.ENFORCE: Level.STRICT, Mode.WARN: Level.STRICT, Mode.AUDIT: Level.BASELINE}
    assert decide("enforce: off").levels[Mode.ENFORCE] is Level.OFF


def test_skipped_workload() -> None:
    verdict = decide(workload=replace(POD, skip="scaled to 0"))
    assert (verdict.skip, verdict.denied, verdict.warned, verdict.audited) == ("scaled to 0", (), (), ())


EXEMPTION = "exemptions:\n- {reason: vendor, "


@pytest.mark.parametrize(
    ("fields", "denied"),
    [
        pytest.param("namespaces: [shop]", False, id="namespace"),
        pytest.param("namespaces: [sh*]", False, id="namespace by glob"),
        pytest.param("namespaces: [ci-*]", True, id="another namespace"),
        pytest.param("usernames: [jane]", False, id="user"),
        pytest.param("usernames: ['system:*']", True, id="another user"),
        pytest.param("workloads: [api]", False, id="workload by name"),
        pytest.param("workloads: [Pod/api]", False, id="workload by kind and name"),
        pytest.param("workloads: [Deployment/api]", True, id="another kind"),
        pytest.param("images: ['ghcr.io/acme/*']", False, id="image"),
        pytest.param("images: ['ghcr.io/acme/api']", True, id="a glob is the whole text"),
        pytest.param("checks: [image-not-found]", False, id="check"),
        pytest.param("checks: [latest-tag]", True, id="another check"),
        pytest.param("namespaces: [shop], images: ['docker.io/*']", True, id="all fields must hold"),
        pytest.param("namespaces: [shop], expires: 2026-11-23", False, id="the last day"),
        pytest.param("namespaces: [shop], expires: 2026-11-22", True, id="expired"),
    ],
)
def test_exemptions(fields: str, denied: bool) -> None:
    assert decide(f"{EXEMPTION}{fields}}}").allowed is not denied


def test_exempt_workload_is_skipped_with_the_reason() -> None:
    verdict = decide(f"{EXEMPTION}namespaces: [shop]}}")
    assert verdict.skip == "exempt: vendor"
    assert verdict.judged[0].outcome is Outcome.SKIP
    assert [reason for _, reason in verdict.judged[0].ignored] == ["exempt: vendor"] * len(EVERYTHING)


def test_exempt_check_leaves_the_others() -> None:
    verdict = decide(f"{EXEMPTION}checks: [image-not-found, unauthorized]}}")
    assert verdict.skip is None
    assert verdict.judged[0].findings == EVERYTHING[2:]
    assert codes(verdict.warned) == WARNED[1:]


@pytest.mark.parametrize(
    ("image", "glob"),
    [("nginx", "docker.io/library/nginx:latest"), ("nginx", "nginx"), ("Bad/Image", "Bad/*"), ("pause", "*/pause:*")],
)
def test_exempt_images_as_written_or_in_full(image: str, glob: str) -> None:
    assert Exemption(reason="x", images=(glob,)).covers(replace(IMAGE, image=image))


IGNORE = {
    "ignore.pullproof.dev/image-not-found": "pushed by the next job",
    "ignore.pullproof.dev/latest-tag": " ",
    "ignore.pullproof.dev/no-such-code": "x",
}


def test_annotations_ignore_in_reports_only() -> None:
    verdict = decide(workload=replace(POD, annotations=IGNORE), labels={"pullproof.dev/enforce": "strict"})
    assert codes(verdict.denied) == ["image-not-found", *TAGS]
    assert codes(verdict.audited) == WARNED
    assert verdict.judged[0].ignored == ((CERTAIN, "pushed by the next job"),)


def test_annotations_ignore_under_enforce_where_configured() -> None:
    verdict = decide("ignoreAnnotations: {enforce: true}", workload=replace(POD, annotations=IGNORE))
    assert verdict.allowed


@pytest.mark.parametrize(
    ("judged", "outcome"),
    [
        pytest.param(Judged(image=IMAGE), Outcome.PASS, id="nothing found"),
        pytest.param(Judged(image=IMAGE, findings=(WARNING, ERROR, CERTAIN)), Outcome.FAIL, id="the worst"),
        pytest.param(Judged(image=IMAGE, findings=(WARNING, ERROR)), Outcome.ERROR, id="error over warn"),
        pytest.param(Judged(image=IMAGE, findings=(LIKELY,)), Outcome.FAIL, id="likely is a failure too"),
        pytest.param(Judged(image=IMAGE, findings=(LATEST,), skip="offline"), Outcome.WARN, id="warned, not asked"),
        pytest.param(Judged(image=IMAGE, skip="offline"), Outcome.SKIP, id="not asked"),
        pytest.param(Judged(image=IMAGE, findings=(SKIPPED,)), Outcome.SKIP, id="a finding that skips"),
        pytest.param(Judged(image=IMAGE, ignored=((CERTAIN, "x"),)), Outcome.SKIP, id="a failure set aside"),
        pytest.param(Judged(image=IMAGE, ignored=((LATEST, "x"),)), Outcome.PASS, id="a warning set aside"),
    ],
)
def test_outcome(judged: Judged, outcome: Outcome) -> None:
    assert judged.outcome is outcome


def test_a_check_that_is_off_does_not_make_it_pass(evidence: Make) -> None:
    policy = policy_of(decode("checks: {image-not-found: {level: off}}"))
    judged = policy.judge(evidence(failure=Failure.NOT_FOUND))
    assert judged.findings == ()
    assert judged.outcome is Outcome.SKIP


@pytest.mark.parametrize("image", ["auto", ""])
def test_placeholders_are_skipped(image: str, evidence: Make) -> None:
    judged = policy_of(Settings()).judge(evidence(image, failure=Failure.HIDDEN, template=True))
    assert judged.outcome is Outcome.SKIP
    assert judged.skip == "placeholder that a mutator replaces"


def test_unasked_is_the_reason(evidence: Make) -> None:
    judged = policy_of(Settings()).judge(evidence(pull=PullPolicy.NEVER, unasked="imagePullPolicy is Never"))
    assert (judged.outcome, judged.skip) == (Outcome.SKIP, "imagePullPolicy is Never")


@pytest.mark.parametrize(
    ("config", "deep", "runs"),
    [
        ("", False, (False, False)),
        ("", True, (False, True)),
        ("checks: {tag-moved: {level: strict}}", False, (True, False)),
        ("checks: {broken-image: {level: baseline}}", False, (False, True)),
        ("checks: {broken-image: {level: off}}", True, (False, False)),
    ],
)
def test_what_costs_requests_is_asked_for(config: str, deep: bool, runs: tuple[bool, bool]) -> None:
    policy = policy_of(decode(config), deep=deep)
    assert (policy.follows_tags, policy.deep) == runs


def test_exempt_is_known_beforehand() -> None:
    policy = policy_of(decode(f"{EXEMPTION}namespaces: [shop]}}\n- {{reason: y, images: [x]}}"), today=lambda: TODAY)
    assert policy.exempt(POD, "jane") == "exempt: vendor"
    assert policy.exempt(replace(POD, namespace="bank"), "jane") is None


def test_a_bare_policy_judges_nothing(evidence: Make) -> None:
    assert Policy().judge(evidence(resolves=True)).outcome is Outcome.PASS
