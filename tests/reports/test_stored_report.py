"""Reports as a cluster keeps them: bounded, the worst first, and told apart by content."""

import json

import pytest

from webhook.policy.decision import Outcome
from webhook.policy.finding import Certainty, Code, Finding, FindingClass
from webhook.reports.report import ReportedImage
from webhook.reports.stored_report import CONTENT, LEFT_OUT, stored_report

GONE = Finding(
    code=Code.IMAGE_NOT_FOUND,
    cls=FindingClass.FAIL,
    message="tag not found",
    brief=" not found",
    fix="push it",
    certainty=Certainty.CERTAIN,
)
LATE = Finding(code=Code.NOT_VERIFIED, cls=FindingClass.ERROR, message="out of time", brief="", fix="wait")


def image(number: int, *findings: Finding) -> ReportedImage:
    outcome = Outcome(findings[0].cls.value) if findings else Outcome.PASS
    return ReportedImage(
        image=f"reg.example/a:{number}",
        kind="Deployment",
        api_version="apps/v1",
        namespace="shop",
        name="api",
        container="c",
        outcome=outcome,
        findings=findings,
    )


def test_the_worst_comes_first_and_the_summary_counts_all() -> None:
    report = stored_report("shop", [image(0), image(1, LATE), image(2, GONE)], name="pullproof")
    assert [each["result"] for each in report["results"]] == ["fail", "error", "pass"]
    assert report["summary"] == {"pass": 1, "warn": 0, "fail": 1, "error": 1, "skip": 0}
    assert LEFT_OUT not in report["metadata"]["annotations"]
    assert [each.get("severity") for each in report["results"]] == ["high", None, None]


@pytest.mark.parametrize(("bounds", "kept"), [({"most": 5}, 5), ({"largest": 1300}, 3)], ids=["results", "bytes"])
def test_it_is_bounded(bounds: dict[str, int], kept: int) -> None:
    report = stored_report("shop", [image(n, GONE) for n in range(30)], name="pullproof", **bounds)
    assert len(report["results"]) == kept
    assert report["metadata"]["annotations"][LEFT_OUT] == str(30 - kept)
    assert report["summary"]["fail"] == 30


def test_one_that_says_much_is_far_from_what_etcd_takes() -> None:
    loud = Finding(code=Code.LATEST_TAG, cls=FindingClass.WARN, message="m" * 2000, brief="", fix="f" * 2000)
    report = stored_report("shop", [image(n, loud) for n in range(2000)], name="pullproof")
    assert len(json.dumps(report)) < 300 * 1024


def test_its_content_is_told_apart() -> None:
    def content(*images: ReportedImage) -> object:
        return stored_report("shop", images, name="pullproof")["metadata"]["annotations"][CONTENT]

    assert content(image(0)) == content(image(0))
    assert content(image(0)) != content(image(1))
    assert content(image(0)) != content(image(0), image(0))


def test_who_owns_it() -> None:
    owner = {"apiVersion": "v1", "kind": "X", "name": "n", "uid": "u"}
    assert stored_report("shop", [], name="a", owner=owner)["metadata"]["ownerReferences"] == [owner]
    assert "ownerReferences" not in stored_report("shop", [], name="a")["metadata"]
