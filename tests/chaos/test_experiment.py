"""That a violation is seen as one, and a few cells of the matrix as they are."""

import os
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import kubeapi
import pytest
from experiment import Cell, Edges, Row, growth, violations
from traffic import Outcome
from webhook_process import Size
from world import Sort

SMALL = Size(tasks=0, descriptors=30, threads=6, rss=80.0)
CELL = Cell(part="registry", fault="5xx", what="500", apply=lambda _: None, codes=frozenset({"registry-error"}))
RIGHT = {
    sort: Outcome(sort, 1.0, 0.1, True, sort not in (Sort.ABSENT, Sort.REFUSED), frozenset(), "") for sort in Sort
} | {
    Sort.ABSENT: Outcome(Sort.ABSENT, 1.0, 0.1, True, False, frozenset({"image-not-found"})),
    Sort.REFUSED: Outcome(Sort.REFUSED, 1.0, 0.1, True, False, frozenset({"unauthorized"})),
}
DOUBTED = Outcome(Sort.COLD, 1.0, 0.1, True, True, frozenset({"registry-error"}), "not verified")


def row(**more: object) -> Row:
    figures: dict = {"reviews": 6, "unanswered": 0, "wrongly_denied": 0, "codes": Counter(), "slowest": 0.1, "lag": 0.0}
    figures |= {"recovery": 0.1, "quiet": 0.0, "before": SMALL, "after": SMALL}
    return Row(**({"cell": CELL} | figures | more))


EDGE = Edges([(1.05, 1.06)])


def found(
    *outcomes: Outcome, calm: tuple[Outcome, ...] = (), edges: Edges = EDGE, alive: bool = True, **more: object
) -> list[str]:
    codes = Counter(code for each in outcomes if not each.right for code in each.codes)
    return violations(row(**({"codes": codes} | more)), list(calm), list(outcomes), edges, alive=alive)


def test_what_is_as_usual_or_not_verified_is_no_violation() -> None:
    assert all(each.right for each in RIGHT.values())
    assert found(*RIGHT.values(), DOUBTED) == []


@pytest.mark.parametrize(
    ("outcome", "text"),
    [
        (replace(DOUBTED, answered=False), "unanswered: cold"),
        (replace(DOUBTED, allowed=False), "wrongly denied: cold"),
        (replace(RIGHT[Sort.WARM], allowed=False, codes=frozenset({"unauthorized"})), "wrongly denied: warm"),
        (replace(DOUBTED, codes=frozenset({"not-an-image"})), "unexpected: cold: allowed"),
        (replace(RIGHT[Sort.ABSENT], codes=frozenset({"forbidden"})), "unexpected: absent: denied"),
        (replace(RIGHT[Sort.ABSENT], allowed=True, codes=frozenset()), "unexpected: absent: allowed"),
        (replace(RIGHT[Sort.ABSENT], allowed=True, codes=frozenset({"unauthorized"})), "unexpected: absent: allowed"),
    ],
)
def test_each_kind_of_wrong_answer_is_found(outcome: Outcome, text: str) -> None:
    assert any(each.startswith(text) for each in found(*RIGHT.values(), DOUBTED, outcome))


def test_a_failure_that_could_not_be_seen_twice_is_a_warning() -> None:
    assert found(DOUBTED, replace(RIGHT[Sort.ABSENT], allowed=True)) == []


def test_what_is_told_is_to_be_of_the_fault() -> None:
    cut = replace(DOUBTED, codes=frozenset({"registry-unreachable"}))
    assert found(cut) == ["the fault was not felt: none of its codes was told"]
    assert found(cut, DOUBTED) == []
    assert found(cut, DOUBTED, edges=Edges([(0.5, 0.9), (1.2, 1.3)])) == ["unexpected: cold: allowed: not verified"]


def test_half_a_conversation_may_be_told_of_where_the_fault_began() -> None:
    missing = frozenset({"image-not-found"})
    half, cell = replace(DOUBTED, codes=missing), replace(CELL, mixed=missing)
    assert found(DOUBTED, half) == ["unexpected: cold: allowed: not verified"]
    assert found(DOUBTED, half, cell=cell) == []
    assert found(DOUBTED, replace(half, allowed=False), cell=cell)[0].startswith("wrongly denied: cold")
    assert found(DOUBTED, half, cell=cell, edges=Edges([(0.5, 0.9)])) == ["unexpected: cold: allowed: not verified"]


def test_a_fault_that_nobody_felt_is_found() -> None:
    assert found(*RIGHT.values()) == ["the fault was not felt: none of its codes was told"]


def test_what_does_not_get_well_is_found() -> None:
    assert found(DOUBTED, recovery=None) == ["not well 8 s after the fault"]
    assert found(DOUBTED, alive=False) == ["the process ended"]
    assert found(DOUBTED, calm=(DOUBTED,)) == ["not as usual before the fault: cold: not verified"]


@pytest.mark.parametrize("name", ["tasks", "descriptors", "threads", "rss"])
def test_growth_is_found(name: str) -> None:
    after = replace(SMALL, **{name: getattr(SMALL, name) + 100})
    assert growth(SMALL, SMALL) == []
    assert [each.split()[0] for each in growth(SMALL, after)] == [name]
    assert [each.split()[0] for each in found(DOUBTED, quiet=None, after=after)] == [name]


def test_a_few_cells_as_they_are(tmp_path: Path) -> None:
    lacking = kubeapi.absent("toxiproxy-server")
    lacking += [name for name in ("nft", "ip", "unshare", "setpriv") if shutil.which(name) is None]
    lacking += [] if os.geteuid() == 0 else ["root"]
    if lacking:
        (pytest.fail if os.environ.get("PULLPROOF_REQUIRE_PARTS") else pytest.skip)(f"no {', '.join(lacking)}")
    command = [sys.executable, str(Path(__file__).parent), "--only", "registry", "--cells", "/refuse"]
    done = subprocess.run([*command, "--results", str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("1 cells: 0 violated"), done.stdout + done.stderr
    assert "registry-unreachable" in done.stderr
