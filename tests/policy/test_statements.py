"""What an operator states about nodes, and which registries' logins nodes hold by themselves."""

from collections.abc import Callable

import pytest

from webhook.image.platform import Platform
from webhook.image.reference import Reference
from webhook.policy.evidence import LOGINS_UNSTATED, Evidence, Mutator, NodeFacts
from webhook.policy.statements import Logins, Mutators, Statements, _first_fit

Make = Callable[..., Evidence]

CLOUD = [
    "123456789012.dkr.ecr.eu-central-1.amazonaws.com/team/app:1",
    "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/app",
    "123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com/app",
    "123456789012.dkr-ecr.us-east-1.on.aws/app",
    "public.ecr.aws/nginx/nginx",
    "gcr.io/distroless/static",
    "eu.gcr.io/project/app",
    "europe-west3-docker.pkg.dev/project/repository/app",
    "example.azurecr.io/app",
    "example.azurecr.cn/app",
    "fra.ocir.io/tenancy/app",
    "ocir.eu-frankfurt-1.oci.oraclecloud.com/tenancy/app",
    "icr.io/namespace/app",
    "de.icr.io/namespace/app",
]
OTHERS = [
    "nginx",
    "ghcr.io/acme/app",
    "quay.io/org/app",
    "reg.corp.example:5000/app",
    "amazonaws.com/app",
    "evil.dkr.ecr.eu-central-1.amazonaws.com.example/app",
    "a.b.azurecr.io/app",
    "gcr.io.example/app",
    "notgcr.io/app",
    "gcr.io:5000/app",
]


@pytest.mark.parametrize(
    ("image", "cloud"), [*((image, True) for image in CLOUD), *((image, False) for image in OTHERS)]
)
def test_built_in_patterns(image: str, cloud: bool) -> None:
    name = Reference.parse(image).name
    assert bool(Statements().cloud_pattern(name)) is cloud
    assert bool(Statements(logins=()).cloud_pattern(name)) is cloud
    assert Statements(logins=Logins.NONE).cloud_pattern(name) == ""


@pytest.mark.parametrize(
    ("pattern", "image", "fits"),
    [
        ("*.corp.example", "reg.corp.example/app", True),
        ("*.corp.example", "a.reg.corp.example/app", False),
        ("*.corp.example", "reg.corp.example:5000/app", False),
        ("reg.corp.example:5000", "reg.corp.example:5000/app", True),
        ("reg.corp.example/team", "reg.corp.example/teams/app", True),
        ("reg.corp.example/team/", "reg.corp.example/teams/app", False),
        ("docker.io", "nginx", True),
    ],
)
def test_stated_patterns_fit_as_the_kubelets(pattern: str, image: str, fits: bool) -> None:
    found = Statements(logins=(pattern,)).cloud_pattern(Reference.parse(image).name)
    assert found == (pattern if fits else "")


@pytest.mark.parametrize(
    ("statements", "image", "learnt", "reason", "cloud"),
    [
        pytest.param(Statements(), "quay.io/a/b", "", LOGINS_UNSTATED, False, id="unknown"),
        pytest.param(Statements(logins=Logins.NONE), "quay.io/a/b", "", "", False, id="none"),
        pytest.param(Statements(logins=Logins.NONE), "gcr.io/a/b", "", "", False, id="none, not even the cloud's"),
        pytest.param(Statements(logins=Logins.NONE), "quay.io/a/b", "pod x", "pod x", False, id="a pod proved more"),
        pytest.param(Statements(logins=("quay.io",)), "quay.io/a/b", "", "pattern quay.io", True, id="stated"),
        pytest.param(Statements(logins=("quay.io",)), "ghcr.io/a/b", "", "", False, id="stated for another"),
        pytest.param(Statements(), "gcr.io/a/b", "", "pattern gcr.io", True, id="cloud"),
    ],
)
def test_complete(statements: Statements, image: str, learnt: str, reason: str, cloud: bool, evidence: Make) -> None:
    facts = statements.complete(evidence(image, cluster={"node_logins": learnt})).cluster
    assert (facts.node_logins, facts.cloud_login) == (reason, cloud)


def test_complete_takes_no_reference(evidence: Make) -> None:
    assert Statements().complete(evidence("Bad/Image")).cluster.cloud_login is False


@pytest.mark.parametrize(
    ("statements", "image", "placeholder"),
    [
        (Statements(), "auto", True),
        (Statements(), "", True),
        (Statements(), "auto:1", False),
        (Statements(), "nginx", False),
        (Statements(mutators=Mutators.NONE), "auto", False),
        (Statements(placeholders=("$(IMAGE)",)), "$(IMAGE)", True),
    ],
)
def test_placeholder(statements: Statements, image: str, placeholder: bool) -> None:
    assert statements.placeholder(image) is placeholder


def test_platforms_in_order_of_weight(evidence: Make) -> None:
    asked, stated, real = (Platform(os="linux", architecture=name) for name in ("s390x", "arm64", "amd64"))
    nodes = NodeFacts(platforms=frozenset({real}))
    workload = evidence().workload
    assert Statements().platforms_for(workload, nodes) == {real}
    assert Statements(platforms=frozenset({stated})).platforms_for(workload, nodes) == {stated}
    demanding = evidence(demanded=(asked,)).workload
    assert Statements(platforms=frozenset({stated})).platforms_for(demanding, nodes) == {asked}


@pytest.mark.parametrize(
    ("statements", "counted"),
    [
        pytest.param(Statements(), ["webhook a", "webhook b", "a pod"], id="auto: all that were found"),
        pytest.param(Statements(mutators=Mutators.NONE), [], id="none"),
        pytest.param(Statements(harmless_mutators=("a.example",)), ["webhook b", "a pod"], id="by the webhook's name"),
        pytest.param(Statements(harmless_mutators=("conf-*",)), ["a pod"], id="by a glob of the configuration's"),
        pytest.param(Statements(harmless_mutators=("*",)), ["a pod"], id="what a pod has shown has no name"),
    ],
)
def test_mutators_that_count(statements: Statements, counted: list[str], evidence: Make) -> None:
    found = (
        Mutator(title="webhook a", names=("conf-a", "a.example")),
        Mutator(title="webhook b", names=("conf-b", "b.example")),
        Mutator(title="a pod"),
    )
    facts = statements.complete(evidence("nginx", cluster={"mutators": found})).cluster
    assert [each.title for each in facts.mutators] == counted


def test_names_of_a_megabyte_are_not_remembered() -> None:
    before = _first_fit.cache_info().currsize
    assert not Statements().cloud_pattern(f"{'a.' * 500_000}test/app")
    assert _first_fit.cache_info().currsize == before
