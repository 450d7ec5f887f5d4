"""The ways in: GitHub Action, pre-commit, GitLab CI, krew, kubectl's completion."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import junitparser
import pytest
import yaml

ROOT = Path(__file__).parents[2]
BAD = "apiVersion: v1\nkind: Pod\nspec: {containers: [{image: A:1}]}\n"
PARTS = Path(os.environ.get("PARTS") or Path.home() / ".cache/pullproof-parts") / "bin"


def load(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text())


def venv(folder: Path) -> Path:
    """Make what stands for the action's venv: the program of this Python."""
    program = folder / "bin" / "pullproof"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m webhook "$@"\n')
    program.chmod(0o755)
    return folder


def test_the_action_checks_and_tells(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    bad = tmp_path / "bad.yaml"
    bad.write_text(BAD)
    environ = {
        **{key: value for key, value in os.environ.items() if not key.startswith("GITHUB_")},
        "PULLPROOF_VENV": str(venv(tmp_path / "a b")),
        "PULLPROOF_PATHS": "bad.yaml",
        "PULLPROOF_PLATFORM": "linux/amd64 linux/arm64",
        "PULLPROOF_SARIF": "out.sarif",
        "PULLPROOF_ARGS": "--offline",
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
    }
    script = ["bash", str(ROOT / "ci/github.sh")]
    done = subprocess.run(script, env=environ, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("::error file=bad.yaml,line=3,")
    assert (tmp_path / "output").read_text() == "exit-code=1\n"
    assert "1 of 1 image would not be pulled" in (tmp_path / "summary.md").read_text()
    assert json.loads((tmp_path / "out.sarif").read_text())["version"] == "2.1.0"


def test_no_input_of_the_action_is_text_of_a_script() -> None:
    action = load("action.yml")
    steps = action["runs"]["steps"]
    assert all("${{" not in step["run"] for step in steps)
    used = {value for step in steps for value in step["env"].values() if "inputs." in value}
    assert {f"${{{{ inputs.{name} }}}}" for name in action["inputs"]} == used
    assert all((ROOT / step["run"].partition("$PULLPROOF_SOURCE/")[2].rstrip('"')).is_file() for step in steps)


@pytest.mark.parametrize("script", ["ci/install.sh", "ci/github.sh", "plugins/kubectl_complete-pullproof"])
def test_scripts_parse(script: str) -> None:
    shell = "sh" if script.startswith("plugins") else "bash"
    subprocess.run([shell, "-n", ROOT / script], check=True)
    assert os.access(ROOT / script, os.X_OK)


def test_the_hooks_run_what_there_is(tmp_path: Path) -> None:
    for hook in load(".pre-commit-hooks.yaml"):
        program, *arguments = hook["entry"].split()
        assert program == "pullproof"
        file = tmp_path / "a.yaml"
        file.write_text("apiVersion: v1\nkind: ConfigMap\n")
        argv = [sys.executable, "-m", "webhook", *arguments, str(file)]
        assert subprocess.run(argv, cwd=ROOT, capture_output=True, check=False).returncode == 0


def test_the_gitlab_component_uses_its_inputs() -> None:
    text = (ROOT / "templates/pullproof.yml").read_text()
    header, job = yaml.safe_load_all(text)
    assert {name for name in header["spec"]["inputs"] if f"$[[ inputs.{name} ]]" in text} == set(
        header["spec"]["inputs"]
    )
    assert set(job["pullproof"]["artifacts"]["reports"]) == {"codequality", "junit"}


def test_the_gitlab_job_runs_in_a_shell(tmp_path: Path) -> None:
    """What the runner makes of it: inputs filled in, each line of the script given to `sh`; pip is not asked here."""
    header, job = yaml.safe_load_all((ROOT / "templates/pullproof.yml").read_text())
    inputs = {name: str(given.get("default")) for name, given in header["spec"]["inputs"].items()}
    inputs |= {"paths": "bad.yaml", "args": "--offline"}
    install, check = job["pullproof"]["script"]
    for name, value in inputs.items():
        check = check.replace(f"$[[ inputs.{name} ]]", value)
    assert install.startswith("pip install ")
    (tmp_path / "bad.yaml").write_text(BAD)
    environ = {**os.environ, "PATH": f"{venv(tmp_path / 'v') / 'bin'}:{os.environ['PATH']}"}
    done = subprocess.run(["sh", "-ec", check], env=environ, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    reports = job["pullproof"]["artifacts"]["reports"]
    (issue,) = json.loads((tmp_path / reports["codequality"]).read_text())
    assert issue["location"] == {"path": "bad.yaml", "lines": {"begin": 3}}
    assert junitparser.JUnitXml.fromfile(str(tmp_path / reports["junit"])).failures == 1


def test_the_krew_manifest_points_nowhere_yet() -> None:
    manifest = load("plugins/pullproof.yaml")
    (platform,) = manifest["spec"]["platforms"]
    assert (manifest["kind"], platform["bin"]) == ("Plugin", "kubectl-pullproof")
    assert ".invalid/" in platform["uri"]


@pytest.fixture
def kubectl() -> str:
    if not (PARTS / "kubectl").exists():
        reason = f"kubectl not in {PARTS}: run `make parts`"
        if os.environ.get("PULLPROOF_REQUIRE_PARTS") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return str(PARTS / "kubectl")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["sc"], ["scan"]),
        (["check", "--credentials", ""], ["docker", "anonymous", "cluster"]),
        (["explain", "-o", ""], ["text", "markdown", "json"]),
        (["rules", "show", "image-"], ["image-not-found"]),
    ],
    ids=["a command", "a choice", "a format", "a check"],
)
def test_kubectl_completes(kubectl: str, tmp_path: Path, words: list[str], expected: list[str]) -> None:
    programs = venv(tmp_path) / "bin"
    (programs / "kubectl-pullproof").symlink_to(programs / "pullproof")
    (programs / "kubectl_complete-pullproof").symlink_to(ROOT / "plugins/kubectl_complete-pullproof")
    environ = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "KUBECONFIG": "/dev/null"}
    argv = [kubectl, "__complete", "pullproof", *words]
    done = subprocess.run(argv, env=environ, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == [*expected, ":4"]


class Kubectl:
    """The real kubectl with the plugin on its PATH, and two contexts: one namespace each."""

    def __init__(self, kubectl: str, folder: Path, kubeconfig: Path) -> None:
        programs = venv(folder) / "bin"
        (programs / "kubectl-pullproof").symlink_to(programs / "pullproof")
        (programs / "kubectl_complete-pullproof").symlink_to(ROOT / "plugins/kubectl_complete-pullproof")
        self._kubectl = kubectl
        self._environ = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "KUBECONFIG": str(kubeconfig)}

    def completes(self, *words: str) -> list[str]:
        """Return what kubectl offers for the last word."""
        command = [self._kubectl, "__complete", "pullproof", *words]
        done = subprocess.run(command, env=self._environ, capture_output=True, text=True, check=False)
        *offers, directive = done.stdout.splitlines()
        assert directive == ":4"
        return offers

    def __call__(self, *argv: str) -> "subprocess.CompletedProcess[str]":
        command = [self._kubectl, "pullproof", *argv]
        return subprocess.run(command, env=self._environ, capture_output=True, text=True, check=False)


@pytest.fixture
def plugin(kubectl: str, shop: Any, apiserver: Any, tmp_path: Path) -> Kubectl:
    config = yaml.safe_load(Path(apiserver.kubeconfig("admin", namespace=shop.namespace)).read_text())
    (main,) = config["contexts"]
    other = {"name": "other", "context": {**main["context"], "namespace": "no-such-namespace"}}
    (tmp_path / "config").write_text(json.dumps({**config, "contexts": [main, other]}))
    shop.deployment("api", "A:1")
    return Kubectl(kubectl, tmp_path / "plugin", tmp_path / "config")


def test_kubectl_runs_the_plugin_with_its_contexts_and_namespaces(plugin: Kubectl, shop: Any) -> None:
    done = plugin("scan")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("fail: A:1: not a valid image name: ")
    assert f'container "main" of Deployment {shop.namespace}/api' in done.stdout
    for flags in (["--context", "other"], ["-n", "no-such-namespace"], ["--namespace=no-such-namespace"]):
        done = plugin("scan", *flags)
        assert (done.returncode, done.stdout) == (0, "0 images\n")
        assert done.stderr == "pullproof: nothing runs in namespace 'no-such-namespace'\n"
    for flags in (["--context", "other", "-n", shop.namespace], ["-A", "-l", "app=api"], ["--context=main"]):
        assert plugin("scan", *flags).returncode == 1, flags


def test_kubectl_completes_contexts_and_namespaces(plugin: Kubectl, shop: Any) -> None:
    assert plugin.completes("scan", "--context", "o") == ["other"]
    assert plugin.completes("check", "--context", "") == ["main", "other"]
    assert plugin.completes("scan", "-n", shop.namespace[:-2]) == [shop.namespace]
    assert plugin.completes("scan", "--kubeconfig", "/nowhere", "-n", "") == []
    assert plugin.completes("scan", "--kubeconfig", "/nowhere", "--context", "") == []


def test_kubectl_explains_by_the_plugin(plugin: Kubectl, shop: Any) -> None:
    done = plugin("explain", "deploy/api", "-o", "json")
    assert (done.returncode, json.loads(done.stdout)["cause"]) == (1, "invalid-reference")
    done = plugin("explain", "deploy/api", "--context", "other")
    assert done.returncode == 2
    assert "see `kubectl get deployments -n no-such-namespace`" in done.stderr


@pytest.mark.parametrize("program", ["pullproof", "kubectl-pullproof"])
def test_help_shows_what_was_typed(program: str) -> None:
    code = f"import sys; sys.argv[0] = '/x/{program}'; from webhook.__main__ import main; main()"
    argv = [sys.executable, "-c", code, "explain", "--help"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    typed = program.replace("kubectl-", "kubectl ")
    assert done.stdout.startswith(f"Usage: {typed} explain ")
    assert f"    {typed} explain pod/api-5d9f7c-x2x8k -n shop" in done.stdout
