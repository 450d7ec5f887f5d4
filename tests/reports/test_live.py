"""What a live pod adds; the rest is seen against a real API server in tests/cli/test_explain_live.py."""

from typing import Any

import pytest

from webhook.image.platform import Platform
from webhook.policy.evidence import NodeFacts, Runtime
from webhook.policy.finding import Code, Finding, FindingClass
from webhook.reports.explanation import Explanation
from webhook.reports.live import with_sighting
from webhook.reports.report import ReportedImage
from webhook.workload.sighting import SeenContainer, SeenPod, Sighting
from webhook.workload.workload import ContainerImage, PullPolicy, Role, Workload

IMAGE = ContainerImage(
    role=Role.CONTAINER, name="main", image="ghcr.io/a/b:1", pull_policy=PullPolicy.IF_NOT_PRESENT, field=""
)
WORKLOAD = Workload(kind="Pod", namespace="shop", name="api-1", images=(IMAGE,))
NODE = NodeFacts(
    known=True,
    eligible=1,
    platforms=frozenset({Platform(os="linux", architecture="s390x")}),
    runtimes=frozenset({Runtime.CONTAINERD}),
)
MISMATCH = Finding(code=Code.PLATFORM_MISMATCH, cls=FindingClass.FAIL, message="no image for it.", brief="", fix="")


def seen(waiting: str = "", message: str = "") -> Sighting:
    container = SeenContainer(waiting=waiting, message=message)
    return Sighting(
        workload=WORKLOAD, pod=SeenPod(workload=WORKLOAD, node="n1", containers={"main": container}), pods=1
    )


@pytest.mark.parametrize(
    ("findings", "line"),
    [
        ((), "the image is built for linux/amd64, linux/arm64/v8"),
        ((MISMATCH,), "the image is built for linux/amd64, linux/arm64/v8, not for it"),
    ],
    ids=["not judged", "none for it"],
)
def test_the_platforms_are_held_against_the_pods_node(report: Any, findings: tuple[Finding, ...], line: str) -> None:
    resolved = next(image.resolution for image in report.images if image.platforms)
    image = ReportedImage(image=IMAGE.image, findings=findings, resolution=resolved)
    told = with_sighting(Explanation(image=image, steps=(), cause=None), IMAGE, seen(), NODE)
    (node,) = (step for step in told.steps if step.name == "node")
    assert node.lines[:2] == ("n1 is linux/s390x, with containerd", line)


def test_a_container_that_waits_for_something_else_has_its_image() -> None:
    told = Explanation(image=ReportedImage(image=IMAGE.image), steps=(), cause=None)
    assert with_sighting(told, IMAGE, seen("CrashLoopBackOff", "back-off 5m0s"), NODE).cause is None


def test_a_container_that_waits_for_its_image_has_a_cause() -> None:
    told = Explanation(image=ReportedImage(image=IMAGE.image), steps=(), cause=None)
    cause = with_sighting(told, IMAGE, seen("ImagePullBackOff", "x"), NODE).cause
    assert cause is not None
    assert (cause.code, cause.cls) == (Code.NOT_VERIFIED, FindingClass.ERROR)
