"""What a run writes into the page."""

from pathlib import Path

import pytest
from reliability import note, put

PAGE = "# Page\n\n<!-- runs: written by a run -->\n<!-- runs: end -->\n\nby hand\n"


@pytest.fixture
def page(tmp_path: Path) -> Path:
    file = tmp_path / "page.md"
    file.write_text(PAGE)
    return file


def test_what_was_written_by_hand_stays(page: Path) -> None:
    put(page, "runs", "first")
    put(page, "runs", "second")
    assert page.read_text() == PAGE.replace("run -->\n", "run -->\n\nsecond\n", 1)


def test_runs_stand_above_those_before_and_the_oldest_go(page: Path) -> None:
    for number in range(12):
        note(page, "chaos", f"{number} cells")
    rows = [line.split("|")[3].strip() for line in page.read_text().splitlines() if line.startswith("| 2")]
    assert rows == [f"{number} cells" for number in range(11, 1, -1)]


def test_a_page_without_a_place_is_left_alone(page: Path) -> None:
    with pytest.raises(ValueError, match="has no place for 'soak'"):
        put(page, "soak", "text")
    assert page.read_text() == PAGE
