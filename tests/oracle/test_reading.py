"""What is read from pods, answers and the audit log."""

import json

import pytest
from agreement import Judgement, Result, cells, needless
from case import Case, Role
from cause import Cause
from explained import codes
from fate import Fate, Observation, observe
from kube import Reply
from report import falls_short, outcomes, page, summary
from verdict import Said, Verdict, audited, verdict

CASE = Case(id="c", says="a case", image="x:1", runs=True, family="family")
BACK_OFF = 'Back-off pulling image "x:1": ErrImagePull: rpc error: code = NotFound desc = failed: x:1: not found'


def pod(state, role="containerStatuses", last=None):
    return {"status": {role: [{"name": "judged", "state": state, "lastState": last or {}}]}}


@pytest.mark.parametrize(
    ("state", "fate", "message"),
    [
        ({"running": {}}, Fate.RUNS, ""),
        ({"terminated": {"exitCode": 0, "reason": "Completed"}}, Fate.RUNS, ""),
        (
            {"terminated": {"reason": "StartError", "message": 'exec: "/app": exec format error'}},
            Fate.CANNOT_EXECUTE,
            None,
        ),
        ({"terminated": {"reason": "StartError", "message": "no such file"}}, Fate.CREATE_FAILED, None),
        ({"waiting": {"reason": "ContainerCreating"}}, Fate.UNSETTLED, ""),
        ({"waiting": {"reason": "ErrImagePull", "message": "why"}}, Fate.PULL_FAILED, "why"),
        (
            {"waiting": {"reason": "ImagePullBackOff", "message": BACK_OFF}},
            Fate.PULL_FAILED,
            "rpc error: code = NotFound desc = failed: x:1: not found",
        ),
        ({"waiting": {"reason": "illegal base64 data", "message": "illegal base64 data"}}, Fate.PULL_FAILED, None),
        ({"waiting": {"reason": "InvalidImageName", "message": "why"}}, Fate.INVALID_NAME, "why"),
        ({"waiting": {"reason": "ErrImageNeverPull", "message": "why"}}, Fate.NEVER_PULL, "why"),
    ],
)
def test_the_fate_of_a_container(state, fate, message):
    seen = observe(pod(state), CASE)
    assert seen.fate is fate
    assert message is None or seen.message == message


def test_the_fate_of_an_init_container():
    case = Case(id="c", says="", image="x:1", runs=True, role=Role.INIT)
    assert observe(pod({"running": {}}, "initContainerStatuses"), case).fate is Fate.RUNS
    assert observe({}, case).fate is Fate.UNSETTLED


def annotations(*findings):
    items = [{"container": "judged", "image": "x:1", "code": code, "class": cls} for code, cls in findings]
    return {"id": {"validate.pullproof.dev/findings": json.dumps(items)}}


@pytest.mark.parametrize(
    ("findings", "said"),
    [
        ([], Said.ALLOWED),
        ([("latest-tag", "warn")], Said.ALLOWED),
        ([("no-pull-secret", "fail"), ("latest-tag", "warn")], Said.WARNED),
        ([("pull-secret-missing", "warn")], Said.WARNED),
        ([("rate-limited", "error"), ("latest-tag", "warn")], Said.UNVERIFIED),
    ],
)
def test_what_was_said(findings, said):
    assert verdict(Reply(status=201, audit_id="id"), annotations(*findings)).said is said


def test_a_denial():
    message = 'admission webhook "validate.pullproof.dev" denied the request: 1 of 1 image cannot be pulled'
    told = verdict(
        Reply(status=403, body={"message": message}, audit_id="id"), annotations(("image-not-found", "fail"))
    )
    assert (told.said, told.codes, told.text) == (Said.DENIED, ("image-not-found",), "1 of 1 image cannot be pulled")


def test_annotations_of_all_stages_belong_together():
    lines = ['{"auditID": "1"}', '{"auditID": "1", "annotations": {"a": "b"}}', '{"auditID": "2", "annotations": null}']
    assert audited(lines) == {"1": {"a": "b"}, "2": {}}


def result(said, *, runs, codes=(), cls="fail", message="", later=None, explanation=None, **case):
    fate = Fate.RUNS if runs else Fate.PULL_FAILED
    spoken = Verdict(said=said, findings=tuple((code, cls) for code in codes))
    return Result(
        case=Case(id="c", says="a case", image="x:1", runs=runs, family="f", **case),
        image="x:1",
        observation=Observation(fate=fate, message=message),
        verdict=spoken,
        later_verdict=later,
        explanation=explanation,
    )


@pytest.mark.parametrize(
    ("outcome", "judgement"),
    [
        (result(Said.DENIED, runs=True), Judgement.WRONG_DENIAL),
        (result(Said.DENIED, runs=False), Judgement.AGREE),
        (result(Said.DENIED, runs=True, later=Verdict(said=Said.ALLOWED)), Judgement.EARLY),
        (result(Said.DENIED, runs=True, later=Verdict(said=Said.DENIED)), Judgement.WRONG_DENIAL),
        (result(Said.WARNED, runs=True, codes=["forbidden"]), Judgement.FALSE_ALARM),
        (result(Said.WARNED, runs=True, codes=["pull-secret-missing"], cls="warn"), Judgement.AGREE),
        (result(Said.WARNED, runs=False, codes=["forbidden"]), Judgement.AGREE),
        (result(Said.UNVERIFIED, runs=True), Judgement.NOT_FOUND_OUT),
        (result(Said.ALLOWED, runs=True), Judgement.AGREE),
        (result(Said.ALLOWED, runs=False), Judgement.MISSED),
        (result(Said.ALLOWED, runs=False, unknowable="so"), Judgement.UNKNOWABLE),
    ],
)
def test_verdict_against_fate(outcome, judgement):
    assert outcome.judgement is judgement


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        ('failed to do request: Head "https://x/": dial tcp: lookup x on 10.77.0.1:53: no such host', Cause.DNS),
        ('Head "https://x/": dial tcp 10.77.0.3:443: connect: connection refused', Cause.CONNECT),
        ('Head "https://x/": http: server gave HTTP response to HTTPS client', Cause.PLAIN_HTTP),
        ("tls: failed to verify certificate: x509: certificate signed by unknown authority", Cause.TLS),
        ("pull access denied, …: server message: insufficient_scope: authorization failed", Cause.HIDDEN),
        ("authorization failed: no basic auth credentials", Cause.NO_LOGIN),
        (
            "failed to fetch oauth token: unexpected status from GET request to https://x: 401 Unauthorized",
            Cause.REFUSED,
        ),
        ("unexpected status from HEAD request to https://x: 403 Forbidden", Cause.FORBIDDEN),
        ("unexpected status from HEAD request to https://x: 429 Too Many Requests", Cause.LIMITED),
        ("unexpected status from HEAD request to https://x: 503 Service Unavailable", Cause.SERVER),
        ("get image config descriptor: no match for platform in manifest sha256:0: not found", Cause.PLATFORM),
        ("failed to resolve image: docker.io/library/x:1: not found", Cause.MISSING),
        ("illegal base64 data at input byte 0", Cause.MALFORMED),
        ("something new", Cause.UNKNOWN),
    ],
)
def test_the_cause_in_the_nodes_words(message, cause):
    assert result(Said.DENIED, runs=False, message=message).cause is cause


def test_another_cause_than_the_nodes():
    not_found = "failed to resolve image: x:1: not found"
    assert result(Said.WARNED, runs=False, codes=["rate-limited"], message=not_found).other_cause
    assert not result(Said.DENIED, runs=False, codes=["image-not-found"], message=not_found).other_cause
    assert not result(Said.ALLOWED, runs=False, message=not_found).other_cause


def test_the_page_counts_and_lists():
    results = [
        result(Said.DENIED, runs=False, codes=["image-not-found"], message=": not found"),
        result(Said.DENIED, runs=True, codes=["image-not-found"]),
        result(Said.ALLOWED, runs=False, message="a | b"),
        result(Said.ALLOWED, runs=True),
    ]
    text = page(results, results[:1], {"kubelet": "v1"})
    assert "| the node runs it | 0 | 1 | 0 | 0 | 1 |\n| the node does not | 0 | 1 | 0 | 0 | 1 |" in text
    assert "| wrong denials | 1 (1 without a reason below) | 0 |" in summary(results)
    assert "## Wrong denials" in text
    assert "## Missed, though knowable" in text
    assert "| kubelet | v1 |" in text
    assert "| ErrImagePull | " in text


NOT_FOUND = {"runs": False, "message": "failed to resolve image: x:1: not found"}


def test_only_a_known_reason_excuses_and_never_a_question_without_an_answer():
    assert result(Said.DENIED, runs=True).wrong
    assert not result(Said.DENIED, runs=True, known="so").wrong
    assert result(Said.NO_ANSWER, runs=True, known="so").wrong
    assert not result(Said.WARNED, runs=True, codes=["forbidden"]).wrong


@pytest.mark.parametrize(
    ("runs", "needed"),
    [
        ([result(Said.DENIED, runs=False, known="so")], False),
        ([result(Said.DENIED, runs=True, known="so")], True),
        ([result(Said.WARNED, runs=True, codes=["forbidden"], known="so")], True),
        ([result(Said.WARNED, codes=["rate-limited"], known="so", **NOT_FOUND)], True),
        ([result(Said.ALLOWED, runs=True, known="so"), result(Said.DENIED, runs=True, known="so")], True),
        ([result(Said.ALLOWED, runs=True, known="so"), result(Said.ALLOWED, runs=True, known="so")], False),
    ],
)
def test_a_reason_that_is_needed_no_longer_is_told(runs, needed):
    assert bool(needless(*([each] for each in runs))) is not needed


def test_causes_are_counted_by_cell():
    right = result(Said.DENIED, codes=["image-not-found"], cell=("quay", "good"), **NOT_FOUND)
    other = result(Said.WARNED, codes=["rate-limited"], cell=("quay", "good"), **NOT_FOUND)
    fine = result(Said.ALLOWED, runs=True, cell=("quay", "none"))
    secret = result(Said.ALLOWED, cell=("quay", "none"), unknowable="so", **NOT_FOUND)
    counted = cells([right, other, fine, secret])
    assert counted == {("quay", "good"): (1, 2), ("quay", "none"): (0, 0)}
    assert falls_short([right, other, fine]) == [
        "cause named too seldom: all: 1 of 2",
        "cause named too seldom: quay, good: 1 of 2",
    ]
    assert falls_short([right, fine]) == []
    text = page([right, other, fine], [], {})
    assert "|  | good | none |\n| --- | --- | --- |\n| quay | 1/2 | - |" in text


def test_what_is_missed_is_not_named():
    assert result(Said.ALLOWED, **NOT_FOUND).named is False
    assert result(Said.ALLOWED, runs=True).named is None


def test_explanations_belong_to_the_objects_in_their_order():
    def told(name, container, code):
        return {"workload": {"name": name}, "container": container, "cause": code and {"code": code}}

    report = {
        "explanations": [
            told("a-x7", "base", "latest-tag"),
            told("a-x7", "judged", "image-not-found"),
            told("b", "judged", None),
            told("c", "v", "forbidden"),
        ]
    }
    assert codes(report) == ["image-not-found", "", "forbidden"]


def test_the_page_tells_what_was_explained():
    right = result(Said.DENIED, codes=["image-not-found"], explanation="image-not-found", **NOT_FOUND)
    other = result(Said.DENIED, codes=["image-not-found"], explanation="rate-limited", **NOT_FOUND)
    assert (right.explained, other.explained, result(Said.ALLOWED, runs=True).explained) == (True, False, None)
    text = page([right, other], [], {})
    assert "| pods explained | 2 |\n| the node's cause is told | 1 of 2 (50.0 %) |" in text
    assert "| c | a case | rate-limited | not found |" in text


def test_outcomes_can_be_compared():
    denied = result(Said.DENIED, codes=["image-not-found"], explanation="image-not-found", **NOT_FOUND)
    assert outcomes([denied, result(Said.ALLOWED, runs=True)]) == (
        "c: denied image-not-found; ErrImagePull, not found; explained as image-not-found\nc: allowed; runs, no cause\n"
    )
