"""A report with everything in it."""

import pytest

from webhook.image.manifest import Descriptor, Index
from webhook.image.platform import Platform
from webhook.image.reference import Digest, Reference
from webhook.policy.decision import Outcome
from webhook.policy.finding import Certainty, Code, Finding, FindingClass
from webhook.registry.resolution import Resolved
from webhook.reports.report import Fault, Place, Report, ReportedImage, Suppressed

DIGEST = Digest("sha256:" + "ab12" * 16)


def resolved(image: str) -> Resolved:
    platforms = (
        Platform(os="linux", architecture="amd64"),
        Platform(os="linux", architecture="arm64", variant="v8"),
        Platform(os="unknown", architecture="unknown"),
    )
    entries = tuple(Descriptor(media_type="m", digest=DIGEST, size=1, platform=platform) for platform in platforms)
    return Resolved(
        reference=Reference.parse(image),
        digest=DIGEST,
        media_type="application/vnd.oci.image.index.v1+json",
        content=Index(media_type="application/vnd.oci.image.index.v1+json", manifests=entries),
    )


def place(line: int, image: str, file: str = "deploy/api.yaml") -> Place:
    return Place(file=file, line=line, column=18, end_line=line, end_column=18 + len(image))


NOT_FOUND = Finding(
    code=Code.IMAGE_NOT_FOUND,
    cls=FindingClass.FAIL,
    certainty=Certainty.CERTAIN,
    message="tag not found. Nearest tags: 1.4.1, 1.4.0.",
    brief=" not found in registry",
    fix="write image: ghcr.io/acme/api:1.4.1, or push the missing tag",
)
UNAUTHORIZED = Finding(
    code=Code.UNAUTHORIZED,
    cls=FindingClass.FAIL,
    certainty=Certainty.LIKELY,
    message='401 with secret "regcred".',
    brief=': 401 with secret "regcred"',
    fix="kubectl create secret docker-registry regcred --docker-server=reg.corp.example",
    doubt="nodes may hold a login for this registry (nodes.logins: unknown)",
)
LATEST = Finding(
    code=Code.LATEST_TAG,
    cls=FindingClass.WARN,
    message="mutable tag latest.",
    brief=" uses a mutable tag",
    fix="name a version: docker.io/library/nginx:VERSION",
)
UNREACHABLE = Finding(
    code=Code.REGISTRY_UNREACHABLE,
    cls=FindingClass.ERROR,
    message="registry reg.down.example unreachable (dns: no such host)",
    brief=" not verified",
    fix="correct the name",
)


def image(text: str, line: int, **rest: object) -> ReportedImage:
    values: dict[str, object] = {
        "image": text,
        "kind": "Deployment",
        "api_version": "apps/v1",
        "namespace": "shop",
        "name": "api",
        "role": "container",
        "container": "api",
        "field": f"spec.template.spec.containers[{line}].image",
        "place": place(line, text),
    }
    return ReportedImage(**(values | rest))  # type: ignore[arg-type]


@pytest.fixture
def report() -> Report:
    return Report(
        images=(
            image("ghcr.io/acme/api:1.4.2", 17, outcome=Outcome.FAIL, findings=(NOT_FOUND,)),
            image("ghcr.io/acme/ok:1", 18, container="ok", resolution=resolved("ghcr.io/acme/ok:1")),
            image(
                "reg.corp.example/db/migrate:latest",
                19,
                role="initContainer",
                container="migrate",
                outcome=Outcome.FAIL,
                findings=(UNAUTHORIZED, LATEST),
            ),
            image("nginx:latest", 20, container="web", outcome=Outcome.WARN, findings=(LATEST,)),
            image(
                "busybox:latest",
                21,
                container="tool",
                suppressed=(Suppressed(finding=LATEST, reason="rebuilt every night"),),
                resolution=resolved("busybox:latest"),
            ),
            image(
                "reg.down.example/x:1",
                3,
                namespace="ops",
                name="job",
                kind="Job",
                outcome=Outcome.ERROR,
                findings=(UNREACHABLE,),
                place=place(3, "reg.down.example/x:1", "jobs/a b.yaml"),
            ),
            image(
                "old:1",
                4,
                namespace="ops",
                name="idle",
                outcome=Outcome.SKIP,
                skip="scaled to 0",
                place=place(4, "old:1", "jobs/a b.yaml"),
            ),
            ReportedImage(image="alpine:3.22", resolution=resolved("alpine:3.22")),
            ReportedImage(image="ghcr.io/acme/api:1.4.2", outcome=Outcome.FAIL, findings=(NOT_FOUND,)),
        ),
        faults=(Fault(file="deploy/broken.yaml", line=3, message="not valid YAML: oops; correct it"),),
    )


@pytest.fixture
def hostile() -> Report:
    """Texts as an attacker would choose them, as far as `reported` lets them through."""
    text = "ghcr.io/x:<script>alert(1)</script>|`a``b`%0A::error::&\"'*_#1@octo ]]> $x$ [l](https://e.example)"
    finding = Finding(
        code=Code.IMAGE_NOT_FOUND,
        cls=FindingClass.FAIL,
        certainty=Certainty.CERTAIN,
        message=text,
        brief="",
        fix=text,
    )
    return Report(
        images=(
            image(
                text,
                1,
                outcome=Outcome.FAIL,
                findings=(finding,),
                name=text,
                container=text,
                place=place(1, text, text),
            ),
        )
    )
