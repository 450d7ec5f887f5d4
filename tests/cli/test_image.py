"""`pullproof image`, `rules`, `config`, `version`."""

import contextlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import jsonschema
import pytest
import yaml

from webhook.cli.app import COMMANDS
from webhook.cli.rules import pages
from webhook.policy.finding import Code

ROOT = Path(__file__).parents[2]


class Done(Protocol):
    code: int
    out: str
    err: str


Run = Callable[..., Done]


def test_single_references(run: Run) -> None:
    done = run("image", "nginx:1.29", "ghcr.io/acme/api:1.4.2", "-o", "json")
    assert done.code == 1
    good, bad = json.loads(done.out)["images"]
    assert (good["verdict"], good["source"], good["resolved"]["digest"]) == ("pass", None, "sha256:" + "0" * 64)
    assert (bad["verdict"], bad["findings"][0]["code"]) == ("fail", "image-not-found")
    assert bad["workload"] == {"kind": "", "namespace": "default", "name": ""}


def test_what_is_good_is_said(run: Run) -> None:
    done = run("image", "nginx:1.29")
    assert done.out == f"pass: nginx:1.29 is sha256:{'0' * 64}\n1 image: 1 pass\n"


def test_a_private_image_names_the_fix(run: Run, world: object) -> None:
    vars(world)["private"].add("ghcr.io/acme/db:9")
    done = run("image", "ghcr.io/acme/db:9")
    assert done.code == 1
    assert "[no-pull-secret]" in done.out
    assert "kubectl create secret docker-registry" in done.out


def test_an_impossible_reference(run: Run) -> None:
    done = run("image", "https://ghcr.io/acme/api", "-o", "json")
    assert done.code == 1
    assert json.loads(done.out)["images"][0]["findings"][0]["code"] == "invalid-reference"


def test_rules_list_and_show(run: Run) -> None:
    lines = run("rules", "list").out.splitlines()
    assert {line.split()[0] for line in lines} == set(Code)
    done = run("rules", "show", "image-not-found", "latest-tag")
    assert done.code == 0
    assert "Failed to pull image" in done.out
    assert "latest-tag (warn)" in done.out


def test_an_unknown_rule_offers_the_nearest(run: Run) -> None:
    done = run("rules", "show", "image-not-fund")
    assert (done.code, done.err) == (
        2,
        "pullproof: error: no check 'image-not-fund'; did you mean 'image-not-found'?\n",
    )


def test_the_pages_in_docs_are_those_of_the_checks() -> None:
    written = {path.name: path.read_text() for path in (ROOT / "docs" / "checks").glob("*.md")}
    assert written == pages(), "run `pullproof rules pages docs/checks`"


def test_pages_are_written(run: Run, tmp_path: Path) -> None:
    assert run("rules", "pages", tmp_path).code == 0
    assert {path.name for path in tmp_path.iterdir()} == set(pages())


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with contextlib.chdir(tmp_path):
        yield tmp_path


def test_config_show_is_a_configuration(run: Run, folder: Path) -> None:
    shown = run("config", "show")
    assert shown.out.startswith("# from the defaults\n")
    (folder / ".pullproof.yaml").write_text(shown.out)
    assert run("config", "validate").out == f"{folder}/.pullproof.yaml: valid\n"
    schema = json.loads(run("config", "schema").out)
    jsonschema.validate(yaml.safe_load(shown.out), schema)


def test_config_validate_says_what_is_wrong(run: Run, folder: Path) -> None:
    assert run("config", "validate").err == "pullproof: error: no .pullproof.yaml here or further up; name a file\n"
    (folder / "c.yaml").write_text("enforce: maybe\n")
    done = run("config", "validate", "c.yaml")
    assert done.code == 2
    assert done.err.startswith("pullproof: error: c.yaml:1: ")


def test_help_has_examples(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("", *COMMANDS):
        assert run(*command.split(), "--help").code == 0
        shown = capsys.readouterr().out
        assert re.search(rf"\n  Examples:\n(    .*\n)*    (.*\| )?pullproof {command}", shown), command
        assert "list[str]" not in shown
    assert run().code == 0
    assert "Commands:" in capsys.readouterr().out


def test_version(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    for argv in (["version"], ["--version"]):
        assert run(*argv).code == 0
        assert capsys.readouterr().out.startswith("pullproof ")
