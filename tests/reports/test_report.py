"""From verdicts to what is shown."""

from dataclasses import dataclass

from webhook.image.reference import Digest, Reference
from webhook.policy.decision import Judged, Outcome, Verdict
from webhook.policy.finding import Code, Finding, FindingClass
from webhook.registry.resolution import Resolved
from webhook.reports.report import Report, ReportedImage, reported
from webhook.reports.rulebook import rulebook
from webhook.workload.workload import ContainerImage, PullPolicy, Role, Workload


@dataclass(frozen=True)
class Source:
    file: str = "a\x1b[31m.yaml"
    line: int = 3
    column: int = 5
    end_line: int = 3
    end_column: int = 9


def container(image: str, index: int = 0) -> ContainerImage:
    return ContainerImage(
        role=Role.CONTAINER,
        name=f"c{index}",
        image=image,
        pull_policy=PullPolicy.ALWAYS,
        field=f"spec.containers[{index}].image",
    )


def warning(code: Code = Code.LATEST_TAG, message: str = "m") -> Finding:
    return Finding(code=code, cls=FindingClass.WARN, message=message, brief="", fix="f\nf")


def pod(*images: ContainerImage) -> Workload:
    return Workload(kind="Pod", namespace="shop", name="api", images=images)


def test_every_text_of_others_is_cleaned() -> None:
    image = container("nginx\x1b[2J\n:1")
    judged = Judged(image=image, findings=(warning(message="a\x00b\nc"),))
    (shown,) = reported(Verdict(workload=pod(image), judged=(judged,)), {image.field: Source()})
    assert shown.image == "nginx :1"
    assert str(shown.place) == "a.yaml:3:5"
    assert (shown.findings[0].message, shown.findings[0].fix) == ("a\ufffdb c", "f f")
    assert (shown.outcome, shown.where) == (Outcome.WARN, 'container "c0" of Pod shop/api')


def test_a_skipped_workload_shows_every_image() -> None:
    images = (container("a", 0), container("b", 1))
    shown = reported(Verdict(workload=pod(*images), skip="scaled to 0"), {})
    assert [(one.image, one.outcome, one.skip, one.place) for one in shown] == [
        ("a", Outcome.SKIP, "scaled to 0", None),
        ("b", Outcome.SKIP, "scaled to 0", None),
    ]


def test_what_is_suppressed_counts_for_nothing_and_is_told() -> None:
    image = container("a")
    resolution = Resolved(reference=Reference.parse("a"), digest=Digest("sha256:" + "0" * 64), media_type="m")
    judged = Judged(
        image=image,
        findings=(warning(), warning(Code.UNPINNED_DIGEST)),
        resolution=resolution,
        ignored=((warning(Code.TAG_MOVED), "by annotation"),),
    )
    (shown,) = reported(
        Verdict(workload=pod(image), judged=(judged,)),
        {},
        suppress=lambda image, finding: "known" if finding.code is Code.LATEST_TAG and image.image == "a" else "",
    )
    assert [finding.code for finding in shown.findings] == [Code.UNPINNED_DIGEST]
    assert [(one.finding.code, one.reason) for one in shown.suppressed] == [
        (Code.TAG_MOVED, "by annotation"),
        (Code.LATEST_TAG, "known"),
    ]


def test_with_all_findings_suppressed_an_image_passes() -> None:
    image = container("a")
    judged = Judged(image=image, findings=(warning(),))
    (shown,) = reported(Verdict(workload=pod(image), judged=(judged,)), {}, suppress=lambda _, __: "known")
    assert shown.outcome is Outcome.PASS


def test_the_summary_names_every_outcome() -> None:
    report = Report(images=(ReportedImage(image="a"), ReportedImage(image="b", outcome=Outcome.FAIL)))
    assert report.summary == {"pass": 1, "warn": 0, "fail": 1, "error": 0, "skip": 0}


def test_fingerprints_tell_findings_apart_and_know_no_lines() -> None:
    one = ReportedImage(image="a", kind="Pod", name="p")
    other = ReportedImage(image="b", kind="Pod", name="p")
    prints = {image.fingerprint(warning(code)) for image in (one, other) for code in (Code.LATEST_TAG, Code.TAG_MOVED)}
    assert len(prints) == 4
    assert one.fingerprint(warning(message="x")) == one.fingerprint(warning(message="y"))


def test_every_code_has_a_page() -> None:
    rules = {rule.code: rule for rule in rulebook()}
    assert set(rules) == set(Code)
    for rule in rules.values():
        assert rule.text.startswith(f"{rule.code} ({rule.cls}")
        assert rule.markdown.startswith(f"# {rule.code}\n")
        assert rule.page.fix in " ".join(rule.text.split())


def test_what_the_kubelet_says_can_be_searched_for() -> None:
    rule = next(rule for rule in rulebook() if rule.code is Code.DENIED_OR_MISSING)
    assert "insufficient_scope: authorization failed" in " ".join(rule.markdown.split())
