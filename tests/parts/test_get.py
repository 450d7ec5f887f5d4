"""Getting the real parts: what is there is left alone, what cannot be had is said in one line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("get.py")


def get(*targets, **environment):
    command = [sys.executable, SCRIPT, *targets]
    env = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")} | environment
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env)


def test_an_unknown_target_is_refused_with_those_that_are_known():
    done = get("everything")
    assert done.returncode == 2
    assert done.stderr == "unknown target 'everything'; known are test, e2e, oracle, bench, image, chaos\n"


@pytest.mark.parametrize(("required", "code"), [("", 0), ("1", 1)])
def test_what_cannot_be_had_is_said_in_one_line(tmp_path, required, code):
    done = get("oracle", PATH=str(tmp_path), PARTS=str(tmp_path / "parts"), PULLPROOF_REQUIRE_PARTS=required)
    lines = done.stderr.splitlines()
    assert done.returncode == code
    assert len(lines) == 5  # Debian's packages, and four modules to build
    assert all(
        line.startswith("parts: ") and "skipped for want of it: what needs it in make oracle" in line for line in lines
    )
    assert done.stdout == f"{tmp_path / 'parts'}\n"


@pytest.mark.parametrize(("targets", "built"), [(("bench",), True), (("test", "e2e", "oracle", "image"), False)])
def test_the_peers_of_the_bench_are_built_for_nothing_else(tmp_path, targets, built):
    done = get(*targets, PATH=str(tmp_path), PARTS=str(tmp_path / "parts"))
    for peer in ("kyverno", "policy-controller"):
        line = f"Go is not here to build {peer}; see https://go.dev/dl; skipped for want of it: what needs it in make"
        assert (f"{line} bench\n" in done.stderr) is built
        assert (peer in done.stderr) is built


def test_what_is_there_is_left_alone(tmp_path):
    stamps = {"registry": "v3.1.2", "crane": "v0.22.1", "toxiproxy": "v2.5.0", "gatekeeper": "v3.23.1"}
    stamps |= {"kube": "v1.37.2", "etcd": "v3.7.2", "helm": "v4.3.1"}
    for folder in ("bin", "stamp"):
        (tmp_path / folder).mkdir()
    for name, version in stamps.items():
        (tmp_path / "stamp" / name).write_text(version)
    for program in ("registry", "crane", "toxiproxy-server", "kube-apiserver", "kubectl", "etcd", "helm", "gatekeeper"):
        (tmp_path / "bin" / program).touch()
    (tmp_path / "share/gatekeeper").mkdir(parents=True)
    (tmp_path / "share/gatekeeper/gatekeeper.yaml").touch()
    (tmp_path / "tools").mkdir()
    query = tmp_path / "tools/dpkg-query"
    query.write_text("#!/bin/sh\nprintf installed\n")
    query.chmod(0o755)
    done = get("test", PATH=f"{tmp_path / 'tools'}:/bin", PARTS=str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")


def test_another_version_is_built_again(tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "stamp").mkdir()
    (tmp_path / "bin/helm").touch()
    (tmp_path / "stamp/helm").write_text("v0.0.1")
    done = get("e2e", PATH=str(tmp_path), PARTS=str(tmp_path))
    assert "Go is not here to build helm" in done.stderr
    assert (tmp_path / "bin/helm").exists()
