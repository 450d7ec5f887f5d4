"""AdmissionReviews as API servers send them, and verdicts by hand."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from webhook.policy.decision import Judged, Level, Mode, Verdict
from webhook.policy.finding import Certainty, Code, Finding, FindingClass
from webhook.workload.workload import ContainerImage, PullPolicy, Role, Workload

REVIEWS = Path(__file__).parent / "reviews"


@pytest.fixture
def review() -> Callable[[str], Any]:
    """Load one recorded review by its name."""
    return lambda name: json.loads((REVIEWS / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture
def judged() -> Callable[..., Judged]:
    """Make one judged image."""

    def make(name: str, image: str, role: Role = Role.CONTAINER) -> Judged:
        field = f"spec.{role}s[{name}].image"
        return Judged(
            image=ContainerImage(role=role, name=name, image=image, pull_policy=PullPolicy.ALWAYS, field=field)
        )

    return make


@pytest.fixture
def finding() -> Callable[..., Finding]:
    """Make one finding; a failure is certain."""

    def make(
        code: str,
        cls: str = "fail",
        message: str = "tag not found.",
        brief: str = " not found in registry",
        fix: str = "push the tag, or use 1.4.1",
    ) -> Finding:
        kind = FindingClass(cls)
        certainty = Certainty.CERTAIN if kind is FindingClass.FAIL else None
        return Finding(code=Code(code), cls=kind, message=message, brief=brief, fix=fix, certainty=certainty)

    return make


@pytest.fixture
def verdict() -> Callable[..., Verdict]:
    """Make a verdict on a workload in namespace shop."""

    def make(
        *pairs: tuple[Judged, Finding],
        denied: int = 0,
        images: int = 0,
        namespace: str = "shop",
        break_glass: bool = False,
    ) -> Verdict:
        every = tuple({pair[0].image.field: pair[0] for pair in pairs}.values())
        return Verdict(
            workload=Workload(kind="Deployment", namespace=namespace, name="api"),
            judged=every + every[:1] * max(0, images - len(every)),
            levels={Mode.ENFORCE: Level.BASELINE},
            denied=pairs[:denied],
            warned=pairs[denied:],
            audited=pairs,
            break_glass=break_glass,
        )

    return make
