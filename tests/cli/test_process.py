"""The program as a process: start-up, pipes, imports."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def process(*argv: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "webhook", *argv], input=stdin, capture_output=True, text=True, check=False, cwd=ROOT
    )


def imported(*argv: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "webhook", *argv],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}


@pytest.mark.parametrize(
    ("argv", "never"),
    [
        (["--version"], {"typer", "yaml", "msgspec", "httpx", "kubernetes", "fastapi", "rich", "webhook.cli"}),
        (["--help"], {"yaml", "msgspec", "httpx", "kubernetes", "fastapi", "rich", "pydantic", "webhook.settings"}),
        (["check", "/nowhere.yaml"], {"httpx", "kubernetes", "fastapi", "rich", "pydantic"}),
        (["image", "localhost:1/x"], {"kubernetes", "fastapi", "rich", "click", "pygments", "pydantic"}),
        (["explain", "localhost:1/x"], {"kubernetes", "fastapi", "rich", "click", "pygments", "pydantic"}),
        (["rules", "list"], {"httpx", "kubernetes", "fastapi", "rich", "pydantic", "asyncio"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_nothing_heavy_is_imported_before_it_is_needed(argv: list[str], never: set[str]) -> None:
    assert imported(*argv) & never == set()


def test_a_reader_who_goes_away_is_no_error() -> None:
    command = f"{sys.executable} -m webhook config schema | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.stdout, done.stderr) == ("{\n", "")


def test_a_missing_file_is_one_line_and_2() -> None:
    done = process("check", "/nowhere.yaml")
    assert (done.returncode, done.stderr) == (2, "pullproof: /nowhere.yaml: no such file or folder; check the path\n")


def test_findings_go_to_stdout_and_the_rest_to_stderr() -> None:
    done = process("check", "-", "--offline", stdin="apiVersion: v1\nkind: Pod\nspec: {containers: [{image: A:1}]}\n")
    assert done.returncode == 1
    assert done.stdout.startswith("<stdin>:3:29: fail: A:1: ")
    assert done.stderr == ""
