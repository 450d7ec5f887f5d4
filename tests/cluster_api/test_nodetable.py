"""Who is eligible, as the scheduler sees it, and what the table tells of them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webhook.cluster.nodetable import Node, NodeTable, Taint, fits
from webhook.image.platform import Platform
from webhook.image.reference import Reference
from webhook.policy.evidence import NodeFacts, Runtime
from webhook.workload.workload import Placement, Selector, Toleration

AMD = Platform(os="linux", architecture="amd64")
ARM = Platform(os="linux", architecture="arm64")
WINDOWS = Platform(os="windows", architecture="amd64", os_version="10.0.17763.1697")

GPU = Taint(key="gpu", value="a100", effect="NoSchedule")
ZONE = {"zone": "a", "size": "8"}


def node(name="n", platform=AMD, taints=(), **labels) -> Node:
    return Node(name=name, platform=platform, labels=labels, taints=tuple(taints))


def term(*expressions, fields=()):
    return (tuple(expressions), tuple(fields))


FITS = {
    "no wish": (Placement(), node(), True),
    "name": (Placement(node_name="n"), node(), True),
    "other name": (Placement(node_name="m"), node(), False),
    "name beats taints": (Placement(node_name="n"), node(taints=[GPU]), True),
    "os": (Placement(os="windows"), node(platform=WINDOWS), True),
    "other os": (Placement(os="windows"), node(), False),
    "selector": (Placement(node_selector={"zone": "a"}), node(**ZONE), True),
    "selector, other value": (Placement(node_selector={"zone": "b"}), node(**ZONE), False),
    "selector, no label": (Placement(node_selector={"zone": ""}), node(), False),
    "no terms": (Placement(affinity=()), node(), False),
    "empty term": (Placement(affinity=(term(),)), node(), False),
    "second term": (Placement(affinity=(term(), term(Selector(key="zone", operator="Exists")))), node(**ZONE), True),
    "all expressions of a term": (
        Placement(affinity=(term(Selector(key="zone", operator="Exists"), Selector(key="x", operator="Exists")),)),
        node(**ZONE),
        False,
    ),
    "field": (
        Placement(affinity=(term(fields=[Selector(key="metadata.name", operator="In", values=("n",))]),)),
        node(),
        True,
    ),
    "taint": (Placement(), node(taints=[GPU]), False),
    "NoExecute": (Placement(), node(taints=[Taint(key="gpu", effect="NoExecute")]), False),
    "PreferNoSchedule": (Placement(), node(taints=[Taint(key="gpu", effect="PreferNoSchedule")]), True),
    "not ready passes": (Placement(), node(taints=[Taint(key="node.kubernetes.io/not-ready")]), True),
    "cordoned passes": (Placement(), node(taints=[Taint(key="node.kubernetes.io/unschedulable")]), True),
    "one of two taints": (
        Placement(tolerations=(Toleration(key="gpu", operator="Exists"),)),
        node(taints=[GPU, Taint(key="other")]),
        False,
    ),
}


@pytest.mark.parametrize(("placement", "candidate", "expected"), FITS.values(), ids=FITS.keys())
def test_fits(placement: Placement, candidate: Node, expected: bool) -> None:
    assert fits(placement, candidate) is expected


OPERATORS = [
    ("In", ("a", "b"), "a", True),
    ("In", ("a",), None, False),
    ("NotIn", ("a",), "a", False),
    ("NotIn", ("a",), None, True),
    ("Exists", (), "", True),
    ("Exists", (), None, False),
    ("DoesNotExist", (), None, True),
    ("DoesNotExist", (), "", False),
    ("Gt", ("4",), "8", True),
    ("Gt", ("8",), "8", False),
    ("Gt", ("4",), None, False),
    ("Gt", ("4",), "many", False),
    ("Lt", ("9",), "8", True),
    ("Lt", (), "8", False),
    ("FromTheFuture", ("x",), "y", True),
]


@pytest.mark.parametrize(("operator", "values", "have", "expected"), OPERATORS)
def test_operators(operator: str, values: tuple[str, ...], have: str | None, expected: bool) -> None:
    labels = {} if have is None else {"k": have}
    placement = Placement(affinity=(term(Selector(key="k", operator=operator, values=values)),))
    assert fits(placement, node(**labels)) is expected


TOLERATIONS = {
    "equal": (Toleration(key="gpu", value="a100"), True),
    "other value": (Toleration(key="gpu", value="h100"), False),
    "other key": (Toleration(key="fpga", value="a100"), False),
    "exists": (Toleration(key="gpu", operator="Exists"), True),
    "all": (Toleration(operator="Exists"), True),
    "effect": (Toleration(key="gpu", operator="Exists", effect="NoSchedule"), True),
    "other effect": (Toleration(key="gpu", operator="Exists", effect="NoExecute"), False),
    "operator not given": (Toleration(key="gpu", operator="", value="a100"), True),
    "an operator of a later release": (Toleration(key="gpu", operator="Gt", value="1"), True),
}


@pytest.mark.parametrize(("toleration", "expected"), TOLERATIONS.values(), ids=TOLERATIONS.keys())
def test_tolerations(toleration: Toleration, expected: bool) -> None:
    assert fits(Placement(tolerations=(toleration,)), node(taints=[GPU])) is expected


def test_facts_are_of_the_eligible_nodes_only() -> None:
    table = NodeTable()
    table.put(Node(name="a", platform=AMD, runtime=Runtime.CONTAINERD, labels={"zone": "a"}), ["nginx:1.27"])
    table.put(Node(name="b", platform=ARM, runtime=Runtime.CRI_O, rechecks=True, labels={"zone": "b"}), ["nginx:1.27"])
    reference = Reference.parse("docker.io/library/nginx:1.27")
    assert table.facts(Placement(node_selector={"zone": "a"}), reference) == NodeFacts(
        known=True,
        eligible=1,
        platforms=frozenset({AMD}),
        holding=1,
        listed=True,
        runtimes=frozenset({Runtime.CONTAINERD}),
    )
    both = table.facts(Placement(), reference)
    assert (both.eligible, both.holding, both.platforms) == (2, 2, frozenset({AMD, ARM}))
    assert both.rechecks_credentials
    nobody = table.facts(Placement(node_selector={"zone": "c"}), reference)
    assert nobody == NodeFacts(known=True, listed=True, runtimes=frozenset({Runtime.CONTAINERD, Runtime.CRI_O}))


DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("listed", "asked", "holding"),
    [
        ("docker.io/library/nginx:1.27", "nginx:1.27", 1),
        ("nginx:1.27", "docker.io/library/nginx:1.27", 1),
        ("index.docker.io/library/nginx:1.27", "nginx:1.27", 1),
        (f"reg.example/app@{DIGEST}", f"reg.example/app@{DIGEST}", 1),
        (f"reg.example/app@{DIGEST}", f"reg.example/app:1@{DIGEST}", 1),
        ("reg.example/app:1", f"reg.example/app:1@{DIGEST}", 0),
        ("reg.example/app:1", "reg.example/app:2", 0),
        ("<none>@<none>", "nginx:1.27", 0),
    ],
)
def test_presence_is_told_by_normal_names(listed: str, asked: str, holding: int) -> None:
    table = NodeTable()
    table.put(node(), [listed])
    assert table.facts(Placement(), Reference.parse(asked)).holding == holding


def test_a_node_that_changes_and_goes() -> None:
    table = NodeTable()
    reference = Reference.parse("nginx:1.27")
    table.put(node("a", zone="a"), ["nginx:1.27"])
    table.put(node("b", platform=ARM, zone="a"), [])
    placement = Placement(node_selector={"zone": "a"})
    assert table.facts(placement, reference).eligible == 2
    table.put(node("a", zone="b"), ["nginx:1.27"])
    assert table.facts(placement, reference) == NodeFacts(
        known=True, eligible=1, platforms=frozenset({ARM}), listed=True, runtimes=frozenset({Runtime.UNKNOWN})
    )
    table.put(node("a", zone="a"), ["redis:7"])
    assert table.facts(placement, reference).holding == 0
    table.keep_only({"a"})
    assert table.facts(placement, None).platforms == {AMD}
    table.delete("a")
    table.delete("a")
    assert table.facts(placement, reference) == NodeFacts(known=True)
    assert not table._holding
    assert len(table) == 0


names = st.sampled_from([f"n{i}" for i in range(6)])
labels = st.dictionaries(st.sampled_from("xy"), st.sampled_from("ab"), max_size=2)
taints = st.lists(st.sampled_from([GPU, Taint(key="z")]), max_size=2).map(tuple)
nodes = st.builds(Node, name=names, platform=st.sampled_from([AMD, ARM]), labels=labels, taints=taints)
placements = st.builds(
    Placement,
    node_name=st.sampled_from(["", "n1"]),
    node_selector=labels,
    tolerations=st.sampled_from([(), (Toleration(operator="Exists"),)]),
)
images = st.lists(st.sampled_from(["nginx:1", "redis:7"]), max_size=2)
steps = st.one_of(
    st.tuples(st.just("put"), nodes, images),
    st.tuples(st.just("delete"), names, st.none()),
    st.tuples(st.just("ask"), placements, st.none()),
    st.tuples(st.just("keep"), st.sets(names), st.none()),
)


@given(st.lists(steps, max_size=30), placements)
@settings(max_examples=200)
def test_the_table_always_tells_what_a_walk_over_all_nodes_would(history, placement) -> None:
    table, model = NodeTable(), {}
    for what, value, more in history:
        match what:
            case "put":
                table.put(value, more)
                model[value.name] = (value, more)
            case "delete":
                table.delete(value)
                model.pop(value, None)
            case "keep":
                table.keep_only(value)
                model = {name: kept for name, kept in model.items() if name in value}
            case "ask":
                table.facts(value, None)
    chosen = [kept for kept in model.values() if fits(placement, kept[0])]
    found = table.facts(placement, Reference.parse("nginx:1"))
    assert found.eligible == len(chosen)
    assert found.platforms == {each.platform for each, _ in chosen}
    assert found.holding == sum("nginx:1" in held for _, held in chosen)


def test_placements_are_bounded() -> None:
    table = NodeTable()
    for number in range(2000):
        table.facts(Placement(node_selector={"n": str(number)}), None)
    assert len(table._selected) <= 512
    assert len(table._recent) <= 512


def test_a_toleration_may_still_come_to_the_pods_of_a_template() -> None:
    """RuntimeClass, ExtendedResourceToleration and PodTolerationRestriction add some to pods, not to templates."""
    table = NodeTable()
    table.put(node("amd"), ())
    table.put(node("gpu", platform=ARM, taints=[GPU]), ())
    table.put(node("far", platform=WINDOWS, taints=[GPU], zone="b"), ())
    assert table.facts(Placement(), None, template=True).platforms == {AMD}
    assert table.facts(Placement(), None, template=True).tainted == {ARM, WINDOWS}
    assert table.facts(Placement(os="linux"), None, template=True).tainted == {ARM}
    assert (
        table.facts(Placement(tolerations=(Toleration(key="gpu", operator="Exists"),)), None, template=True).tainted
        == frozenset()
    )
    assert table.facts(Placement(), None).tainted == frozenset()
    table.delete("gpu")
    assert table.facts(Placement(), None, template=True).tainted == {WINDOWS}


def test_a_node_that_is_still_to_come_is_like_the_others() -> None:
    """Nothing fits a pod that waits for its node pool to grow; which runtime it will meet is not unheard of."""
    table, nowhere = NodeTable(), Placement(node_selector={"pool": "new"})
    assert table.facts(nowhere, None).runtimes == frozenset()
    table.put(Node(name="a", platform=AMD, runtime=Runtime.CRI_O), ())
    facts = table.facts(nowhere, None)
    assert (facts.eligible, facts.platforms, facts.runtimes) == (0, frozenset(), {Runtime.CRI_O})
