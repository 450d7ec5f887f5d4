"""As a new user meets it: a wrong flag, a missing file, no cluster, no network, a cluster that refuses.

The real program in a process of its own; each mistake is one clear line on standard error, and the right exit code.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from internet import Internet

ROOT = Path(__file__).parents[2]
POD = 'apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: c, image: "nginx:1.29"}]}\n'
FORMATS = "text, wide, json, yaml, sarif, junit, github, gitlab, markdown, policy-report, html"
NO_CLUSTER = "error: no cluster is configured: no ~/.kube/config; set KUBECONFIG or give --kubeconfig FILE"

USAGE = {
    "check": "error: missing argument 'PATH'; see `pullproof check --help`",
    "chek pod.yaml": "error: no such command 'chek'; did you mean 'check'?",
    "help": "error: no such command 'help'; see `pullproof --help`",
    "check --nope pod.yaml": (
        "error: no such option: --nope (Possible options: --complete); see `pullproof check --help`"
    ),
    "check nowhere/": "nowhere: no such file or folder; check the path",
    "check broken.yaml": (
        "broken.yaml:2: not valid YAML: did not find expected node content; correct it, or leave the file out"
    ),
    "check pod.yaml -o xml": f"error: -o cannot be 'xml'; known are {FORMATS}",
    "check pod.yaml -o jso": "error: -o cannot be 'jso'; did you mean 'json'?",
    "check pod.yaml -o json -o yaml": (
        "error: two formats for standard output; give all but one a file: `-o FORMAT --output FILE`"
    ),
    "check pod.yaml --output x": "error: --output x has no format; write `-o FORMAT --output x`",
    "check --offline pod.yaml -o json --output nowhere/x": (
        "error: cannot write 'nowhere/x': no such file or directory; name another file"
    ),
    "check pod.yaml --fail-on bad": "error: --fail-on cannot be 'bad'; known are fail, warn, error, never",
    "check pod.yaml --platform foo": (
        "error: --platform: invalid platform 'foo': unknown operating system or architecture; write"
        " os/architecture[/variant], such as linux/arm64"
    ),
    "check pod.yaml --timeout soon": (
        "error: --timeout: 'soon' is no length of time; write it like '500ms', '60s', '5m' or '1h30m'"
    ),
    "check pod.yaml --config nowhere.yaml": (
        "error: nowhere.yaml: cannot be read: no such file or directory; check --config"
    ),
    "check pod.yaml --config pod.yaml": (
        "error: pod.yaml:1: apiVersion: 'v1' is not one of config.pullproof.dev/v1alpha1"
    ),
    "check pod.yaml --baseline nowhere.json": (
        "error: no baseline 'nowhere.json'; write it anew: pullproof check … --write-baseline nowhere.json"
    ),
    "check pod.yaml --changed-since main": (
        "error: --changed-since: not a git repository (or any of the parent directories): .git; name a revision of this"
        " checkout"
    ),
    "check pod.yaml --context x": (
        "error: --kubeconfig and --context choose a cluster, which nobody asks; add --credentials cluster"
    ),
    "check pod.yaml --credentials cluster": NO_CLUSTER,
    "image": "error: missing argument 'REF'; see `pullproof image --help`",
    "image  ": "error: an empty text is no image; name one, for example nginx:1.29",
    "explain": "error: nothing to explain; name an object or an image, or manifests with -f, or a --message",
    "explain pod/x": NO_CLUSTER,
    "explain -f pod.yaml pod/b": "error: no 'pod/b' in these manifests; there are: Pod/a",
    "scan": NO_CLUSTER,
    "scan -A -n x": "error: -A and -n exclude each other; give one of them",
    "scan --kubeconfig nowhere": "error: kubeconfig 'nowhere': no such file; name another with --kubeconfig",
    "scan --kubeconfig down": (
        "error: the cluster does not answer (kubeconfig 'down'): cannot connect to the API server at 127.0.0.1:1:"
        " connection refused; see `kubectl version`"
    ),
    "scan --kubeconfig down --context x": (
        "error: kubeconfig 'down', context 'x': no context 'x' in it; see `kubectl config view`"
    ),
    "rules show nope": "error: no check 'nope'; `pullproof rules list` names them all",
    "config validate": "error: no .pullproof.yaml here or further up; name a file",
}


def kubeconfig(server: str, **cluster: str) -> str:
    config = {
        "clusters": [{"name": "c", "cluster": {"server": server, **cluster}}],
        "users": [{"name": "u", "user": {"token": "no-such-token"}}],
        "contexts": [{"name": "main", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "main",
    }
    return json.dumps({"apiVersion": "v1", "kind": "Config", **config})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pod.yaml").write_text(POD)
    (tmp_path / "broken.yaml").write_text("a: [\n")
    (tmp_path / "down").write_text(kubeconfig("https://127.0.0.1:1"))
    return tmp_path


@pytest.fixture
def program(folder: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the program in the folder, as somebody who has nothing."""

    def call(*argv: str, **environ: str) -> subprocess.CompletedProcess[str]:
        given = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT), **environ}
        command = [sys.executable, "-m", "webhook", *argv]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=given)

    return call


@pytest.mark.parametrize("line", USAGE)
def test_one_clear_line_and_2(program: Any, line: str) -> None:
    done = program(*line.split(" "))
    assert (done.returncode, done.stderr) == (2, f"pullproof: {USAGE[line]}\n")
    assert done.stdout in ("", "0 images\n")


def test_a_folder_without_images_is_told(program: Any, folder: Path) -> None:
    (folder / "empty").mkdir()
    done = program("check", "empty")
    assert (done.returncode, done.stdout) == (0, "0 images\n")
    assert done.stderr == "pullproof: no images: 0 Kubernetes objects and 0 other YAML documents looked at\n"


def test_a_cluster_that_refuses(program: Any, folder: Path, apiserver: Any) -> None:
    ca = {"certificate-authority": str(apiserver.ca)}
    (folder / "wrong").write_text(kubeconfig(apiserver.url, **ca))
    for argv in (("scan",), ("explain", "pod/x"), ("check", "pod.yaml", "--credentials", "cluster")):
        done = program(*argv, "--kubeconfig", "wrong")
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == (
            "pullproof: error: the cluster refuses (kubeconfig 'wrong'): Unauthorized; see `kubectl auth whoami`\n"
        )


@pytest.fixture(scope="module")
def net(opened: "Callable[[str], Internet]") -> "Internet":
    """Where the registries are others than those that are asked for."""
    return opened("nothing")


def test_no_network(net: "Internet") -> None:
    done = net.run("image", "nginx:1.29", "-o", "json")
    (image,) = json.loads(done.stdout)["images"]
    (finding,) = image["findings"]
    assert (done.returncode, done.stderr, finding["code"]) == (3, "", "registry-unreachable")
    assert finding["message"] == "registry docker.io unreachable (dns): https://registry-1.docker.io: no such host"
    assert finding["fix"].endswith("nslookup registry-1.docker.io")


def test_a_proxy_that_is_not_there(net: "Internet") -> None:
    done = net.run("image", "nginx:1.29", HTTPS_PROXY="http://127.0.0.1:1")
    assert done.returncode == 3
    assert "docker.io unreachable (proxy): https://registry-1.docker.io: connection refused" in done.stdout


def test_a_proxy_that_cannot_be_meant(net: "Internet") -> None:
    done = net.run("image", "nginx:1.29", HTTPS_PROXY="ftp://proxy")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("pullproof: error: HTTPS_PROXY names no http or https proxy (scheme 'ftp')")


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ("{", "not JSON"),
        ('{"auths": 3}', "auths"),
        ('{"credsStore": "absent"}', "credential helper 'docker-credential-absent': not on the PATH"),
    ],
    ids=["no JSON", "no map", "no helper"],
)
def test_a_login_that_cannot_be_had_is_told_once(net: "Internet", tmp_path: Path, config: str, why: str) -> None:
    (tmp_path / "config.json").write_text(config)
    done = net.run("image", "nginx:1.29", "nginx:1.28", DOCKER_CONFIG=str(tmp_path))
    (line,) = done.stderr.splitlines()
    assert line.startswith("pullproof: a login of this machine cannot be had: ")
    assert why in line
    assert done.returncode == 3
