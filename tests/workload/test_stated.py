import pytest

from webhook.workload.stated import stated_platform
from webhook.workload.workload import Placement, Selector

OS, ARCH = "kubernetes.io/os", "kubernetes.io/arch"


def term(*wanted: tuple[str, str, tuple[str, ...]]) -> tuple[tuple[Selector, ...], tuple[Selector, ...]]:
    return tuple(Selector(key=key, operator=operator, values=values) for key, operator, values in wanted), ()


@pytest.mark.parametrize(
    ("placement", "platform"),
    [
        (Placement(), ""),
        (Placement(node_selector={ARCH: "amd64"}), ""),
        (Placement(node_selector={OS: "linux"}), ""),
        (Placement(node_selector={OS: "linux", ARCH: "amd64"}), "linux/amd64"),
        (Placement(node_selector={ARCH: "arm64"}), "linux/arm64"),
        (Placement(os="windows"), "windows/amd64"),
        (Placement(node_selector={"beta.kubernetes.io/os": "windows"}), "windows/amd64"),
        (Placement(node_selector={ARCH: "s390x", "beta.kubernetes.io/arch": "ppc64le"}), ""),
        (Placement(affinity=(term((ARCH, "In", ("arm64",))),)), "linux/arm64"),
        (Placement(affinity=(term((ARCH, "In", ("arm64",)), (OS, "Exists", ())),)), "linux/arm64"),
        (Placement(affinity=(term((ARCH, "In", ("amd64", "arm64"))),)), ""),
        (Placement(affinity=(term((ARCH, "In", ("arm64",))), term((ARCH, "In", ("s390x",))))), ""),
        (Placement(affinity=(term((ARCH, "In", ("arm64",))), term(("zone", "In", ("a",))))), ""),
        (Placement(affinity=(term((ARCH, "NotIn", ("arm64",))),)), ""),
        (Placement(affinity=()), ""),
    ],
    ids=repr,
)
def test_what_a_pod_states_of_its_nodes(placement: Placement, platform: str) -> None:
    assert str(stated_platform(placement) or "") == platform
