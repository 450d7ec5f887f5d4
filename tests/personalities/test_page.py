"""The page of the personalities is of all that there are."""

from pathlib import Path

from webhook.demo.personality import PERSONALITIES

PAGE = Path(__file__).parents[2] / "docs" / "personalities.md"


def test_every_registry_is_told_of() -> None:
    titles = [line for line in PAGE.read_text().splitlines() if line.startswith("## ")]
    told = {title.rpartition("(")[2].rstrip(")") if "(" in title else title.removeprefix("## ") for title in titles}
    assert told == set(PERSONALITIES), "run `make personalities`"


def test_no_machine_is_told_of() -> None:
    text = PAGE.read_text()
    assert "localhost" not in text
    assert "certs.d" not in text
