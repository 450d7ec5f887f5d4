"""`pullproof scan`, against a real API server."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


@pytest.fixture
def filled(shop: Any) -> Any:
    """Two deployments of one image, one of an absent tag with a pod of its own and a sidecar, and what does not run."""
    shop.deployment("web", "nginx:1.29")
    shop.deployment("twin", "nginx:1.29")
    api = shop.deployment("api", "ghcr.io/acme/api:1.4.2")
    shop.create("pods", "alone", labels={"app": "alone"}, spec={"containers": [{"name": "c", "image": "busybox"}]})
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api", "uid": api["metadata"]["uid"]}
    containers = [{"name": "main", "image": "ghcr.io/acme/api:1.4.2"}, {"name": "proxy", "image": "nginx:1.28"}]
    for name in ("api-1", "api-2"):
        owners = [{**owner, "controller": True}]
        shop.create("pods", name, labels={"app": "api"}, owners=owners, spec={"containers": containers})
    asleep = shop.deployment("asleep", "ghcr.io/acme/never:1")
    path = f"/apis/apps/v1/namespaces/{shop.namespace}/deployments/{asleep['metadata']['name']}"
    shop.send("PATCH", path, {"spec": {"replicas": 0}})
    return shop


def images(done: Any) -> list[tuple[str, str, str]]:
    found = json.loads(done.out)["images"]
    return [(each["workload"]["kind"], each["workload"]["name"], each["image"]) for each in found]


def test_everything_that_would_be_pulled_again(run: Run, filled: Any, world: Any) -> None:
    done = run("scan", *filled.flags(), "-o", "json")
    assert done.code == 1
    assert images(done) == [
        ("Deployment", "api", "ghcr.io/acme/api:1.4.2"),
        ("Deployment", "twin", "nginx:1.29"),
        ("Deployment", "web", "nginx:1.29"),
        ("Pod", "alone", "busybox"),
        ("Pod", "api-1", "nginx:1.28"),
    ]
    assert "never" not in str(world.asked)


def test_text_names_objects_and_fixes(run: Run, filled: Any) -> None:
    done = run("scan", *filled.flags())
    assert "ghcr.io/acme/api:1.4.2: tag not found. Nearest tags: 1.4.1. [image-not-found]" in done.out
    assert f'container "main" of Deployment {filled.namespace}/api' in done.out
    assert done.out.endswith("5 images: 2 pass, 1 warn, 2 fail\n")
    assert done.err == ""


@pytest.mark.parametrize("output", ["wide", "yaml", "sarif", "junit", "github", "gitlab", "markdown", "html"])
def test_every_format(run: Run, filled: Any, output: str) -> None:
    done = run("scan", *filled.flags(), "-o", output)
    assert done.code == 1
    assert "ghcr.io/acme/api:1.4.2" in done.out


def test_policy_reports_name_the_objects(run: Run, filled: Any) -> None:
    done = run("scan", *filled.flags(), "-o", "policy-report")
    assert "kind: Deployment" in done.out
    assert "apiVersion: apps/v1" in done.out


def test_labels_choose(run: Run, filled: Any) -> None:
    done = run("scan", *filled.flags(), "-l", "app in (web, alone)", "-o", "json")
    assert [name for _, name, _ in images(done)] == ["web", "alone"]
    assert done.code == 0
    assert run("scan", *filled.flags(), "-l", "app=nobody").err.startswith("pullproof: nothing runs in namespace ")


def test_all_namespaces(run: Run, filled: Any, shop: Any) -> None:
    done = run("scan", "-A", *filled.flags(), "-o", "json")
    names = {each["workload"]["namespace"] for each in json.loads(done.out)["images"]}
    assert shop.namespace in names


def test_what_enforce_would_refuse(run: Run, filled: Any, tmp_path: Path) -> None:
    done = run("scan", *filled.flags(), "--would-deny")
    assert done.code == 1
    assert done.out.startswith("fail: ghcr.io/acme/api:1.4.2: tag not found.")
    assert done.out.endswith("1 image: 1 fail\n")
    path = f"/api/v1/namespaces/{filled.namespace}"
    filled.send("PATCH", path, {"metadata": {"labels": {"pullproof.dev/enforce": "off"}}})
    done = run("scan", *filled.flags(), "--would-deny")
    assert (done.code, done.out) == (0, "0 images\n")


def test_secrets_of_the_cluster_are_used(run: Run, shop: Any, world: Any) -> None:
    world.private.add("ghcr.io/acme/api:2")
    shop.pull_secret("regcred")
    shop.deployment("api", "ghcr.io/acme/api:2", imagePullSecrets=[{"name": "regcred"}])
    assert run("scan", *shop.flags()).code == 0


def test_a_registry_of_each_node_is_not_asked_from_here(run: Run, shop: Any, world: Any) -> None:
    shop.deployment("local", "localhost:5000/a:1")
    done = run("scan", *shop.flags(), "-o", "json")
    assert (done.code, world.asked) == (0, [])
    assert json.loads(done.out)["summary"]["skip"] == 1


def test_an_empty_namespace(run: Run, shop: Any) -> None:
    done = run("scan", *shop.flags())
    assert done.code == 0
    assert done.err == f"pullproof: nothing runs in namespace '{shop.namespace}'\n"


def test_somebody_who_may_nothing(run: Run, filled: Any) -> None:
    done = run("scan", *filled.flags("someone"))
    assert (done.code, done.out) == (2, "")
    (line,) = done.err.splitlines()
    assert line.startswith(
        f"pullproof: error: cannot list what runs in namespace '{filled.namespace}': pods is forbidden"
    )


def test_somebody_who_may_list_some(run: Run, filled: Any) -> None:
    filled.allow("reader", "pods", "apps/deployments")
    done = run("scan", *filled.flags("reader"))
    assert done.code == 2
    assert "cannot list StatefulSet, DaemonSet, CronJob, Job, ReplicaSet, ReplicationController: " in done.err
    assert "could not read namespaces, nodes, ReplicaSets, ControllerRevisions, mutating webhooks (" in done.err
    assert "5 images: " in done.out
    assert all(line.startswith("pullproof: ") for line in done.err.splitlines())


def test_an_object_too_large_to_be_read_hides_no_other(run: Run, filled: Any) -> None:
    taints = [{"key": f"example.com/taint-{number}", "operator": "Exists"} for number in range(2049)]
    filled.deployment("large", "nginx:1.29", tolerations=taints)
    done = run("scan", *filled.flags())
    assert done.code == 2
    assert done.err == (
        f"pullproof: cluster: cannot read Deployment '{filled.namespace}/large': "
        "spec.template.spec.tolerations: expected array of length <= 2048\n"
    )
    assert done.out.endswith("5 images: 2 pass, 1 warn, 2 fail\n")


def test_watching_tells_what_changes(run: Run, filled: Any, tmp_path: Path) -> None:
    report = tmp_path / "report.json"

    def later() -> None:
        while not report.exists():
            time.sleep(0.05)
        filled.deployment("more", "ghcr.io/acme/gone:1")
        end = time.monotonic() + 20
        while "gone:1" not in report.read_text() and time.monotonic() < end:
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    helper = threading.Thread(target=later)
    helper.start()
    done = run("scan", *filled.flags(), "-o", "json", "--output", report, "--watch", "--interval", "1s")
    helper.join()
    assert done.code == 130
    assert "1 new, 0 gone" in done.err
    assert "gone:1" in report.read_text()


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("-A", "-n", "a"), "-A and -n exclude each other; give one of them"),
        (("--kubeconfig", "/nowhere"), "kubeconfig '/nowhere': no such file; name another with --kubeconfig"),
        (("--watch", "--interval", "soon"), "--interval"),
        (("-o", "xml"), "-o cannot be 'xml'"),
    ],
)
def test_mistakes_are_one_line(run: Run, argv: tuple[str, ...], message: str) -> None:
    done = run("scan", *argv)
    assert (done.code, len(done.err.splitlines())) == (2, 1)
    assert done.err.startswith(f"pullproof: error: {message}")


def test_a_cluster_that_is_not_there(run: Run, tmp_path: Path) -> None:
    config = {
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "main", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "main",
    }
    (tmp_path / "config").write_text(json.dumps(config))
    done = run("scan", "--kubeconfig", tmp_path / "config")
    assert (done.code, len(done.err.splitlines())) == (2, 1)
    assert "cannot connect to the API server at 127.0.0.1:1" in done.err
