"""The examples do what their README says."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest

ROOT = Path(__file__).parents[2]
MANIFESTS = ROOT / "examples" / "manifests"


class Done(Protocol):
    code: int
    out: str
    err: str


Run = Callable[..., Done]


def test_every_example_is_in_the_table() -> None:
    table = (ROOT / "examples" / "README.md").read_text()
    for path in MANIFESTS.rglob("*.yaml"):
        assert f"| `{path.relative_to(MANIFESTS)}` |" in table


@pytest.mark.parametrize("path", sorted(MANIFESTS.rglob("*.yaml")), ids=lambda path: path.name)
def test_every_example_is_read_without_a_word(run: Run, path: Path) -> None:
    done = run("check", path, "--offline", "--fail-on", "never")
    assert (done.code, done.err) == (0, "")


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("good/web.yaml", []),
        ("good/api-with-secret.yaml", []),
        ("good/paused.yaml", []),
        ("good/rollout.yaml", []),
        ("bad/misspelt.yaml", ["invalid-reference"] * 3),
        ("bad/mutable-tags.yaml", ["latest-tag"] * 2),
    ],
)
def test_what_can_be_told_without_a_registry(run: Run, name: str, codes: list[str]) -> None:
    images = json.loads(run("check", MANIFESTS / name, "--offline", "-o", "json").out)["images"]
    assert [finding["code"] for image in images for finding in image["findings"]] == codes


def test_the_four_secrets(run: Run) -> None:
    done = run("check", MANIFESTS / "bad" / "secrets.yaml", "--complete", "-o", "json")
    images = json.loads(done.out)["images"]
    codes = {image["workload"]["name"]: {finding["code"] for finding in image["findings"]} for image in images}
    assert "pull-secret-ignored" in codes["ignored-secret"]
    assert "pull-secret-no-match" in codes["no-match"]
    assert "pull-secret-malformed" in codes["broken-keyring"]
    assert "pull-secret-missing" in codes["missing-secret"]
