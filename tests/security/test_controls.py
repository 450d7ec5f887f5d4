"""That each control is still where its attack takes it away, and for each class, that the attack then succeeds."""

from pathlib import Path

import pytest
from controls import CONTROLS
from taken_away import ROOT, attempt, take_away

KINDS = {control.kind: control for control in reversed(CONTROLS)}


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.attack)
def test_the_lines_of_a_control_are_there(control, tmp_path: Path) -> None:
    for edit in control.edits:
        (tmp_path / edit.file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / edit.file).write_text((ROOT / edit.file).read_text())
    take_away(control, tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_an_attack_succeeds_without_its_control(kind: str) -> None:
    """One of each class, the others by `make controls`."""
    seen = attempt(KINDS[kind])
    assert seen.succeeded, seen.output[-3000:]


def test_a_control_that_is_gone_is_told(tmp_path: Path) -> None:
    control = CONTROLS[0]
    (tmp_path / control.edits[0].file).parent.mkdir(parents=True)
    (tmp_path / control.edits[0].file).write_text("nothing of it")
    with pytest.raises(ValueError, match="name the control anew"):
        take_away(control, tmp_path)
