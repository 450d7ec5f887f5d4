"""`pullproof explain KIND/NAME`, against a real API server whose objects say what a kubelet would say."""

import json
from collections.abc import Callable
from typing import Any

import pytest

Run = Callable[..., Any]
MISSING = 'Failed to pull image "{0}": rpc error: code = NotFound desc = failed to resolve image: {0}: not found'


@pytest.fixture
def stuck(shop: Any) -> Callable[..., None]:
    """Make a pod whose node says something of its image."""

    def make(name: str, image: str, said: str, reason: str = "ImagePullBackOff", **spec: Any) -> None:
        labels = spec.pop("labels", {})
        body = {"containers": [{"name": "main", "image": image}], "nodeName": f"node-{shop.namespace}", **spec}
        pod = shop.create("pods", name, labels=labels, spec=body)
        waiting = {"waiting": {"reason": reason, "message": f'Back-off pulling image "{image}"'}}
        status = {"name": "main", "image": image, "imageID": "", "ready": False, "restartCount": 0, "state": waiting}
        path = f"/api/v1/namespaces/{shop.namespace}/pods/{name}"
        shop.send("PATCH", f"{path}/status", {"status": {"phase": "Pending", "containerStatuses": [status]}})
        about = {"kind": "Pod", "namespace": shop.namespace, "name": name, "uid": pod["metadata"]["uid"]}
        about["fieldPath"] = "spec.containers{main}"
        event = {"involvedObject": about, "reason": "Failed", "message": said, "type": "Warning"}
        shop.create("events", f"{name}.1", **event, lastTimestamp="2027-01-01T00:00:00Z")

    return make


@pytest.fixture
def node(shop: Any) -> str:
    name = f"node-{shop.namespace}"
    system = {"operatingSystem": "linux", "architecture": "amd64", "containerRuntimeVersion": "containerd://2.1.0"}
    system["kubeletVersion"] = "v1.34.0"
    rest = ("machineID", "systemUUID", "bootID", "kernelVersion", "osImage", "kubeProxyVersion")
    status = {"nodeInfo": {**system, **dict.fromkeys(rest, "")}, "images": [{"names": ["nginx:1.29"]}]}
    body = {"metadata": {"name": name}}
    shop.send("POST", "/api/v1/nodes", body)
    shop.send("PATCH", f"/api/v1/nodes/{name}/status", {"status": status})
    return name


def test_what_the_kubelet_says_is_read_and_translated(run: Run, shop: Any, stuck: Any, node: str) -> None:
    image = "ghcr.io/acme/api:1.4.2"
    stuck("api-1", image, MISSING.format(image))
    done = run("explain", "pod/api-1", *shop.flags())
    assert done.code == 1
    assert f"api-1 on node {node}" in done.out
    assert "waits: ImagePullBackOff" in done.out
    assert "the registry does not have this repository, tag or digest [image-not-found]" in done.out
    assert f"{node} is linux/amd64, with containerd" in done.out
    assert "none can be the reason: a node pulls images itself" in done.out
    assert done.out.startswith(f"fail: {image}: tag not found. Nearest tags: 1.4.1. [image-not-found]\n")
    assert done.out.count("    fix: ") == 1
    assert done.err == ""


def test_a_deployment_is_explained_by_its_stuck_pod(run: Run, shop: Any, stuck: Any, node: str) -> None:
    image = "ghcr.io/acme/api:1.4.2"
    shop.deployment("api", image)
    shop.create("pods", "api-0", labels={"app": "api"}, spec={"containers": [{"name": "main", "image": image}]})
    stuck("api-1", image, MISSING.format(image), labels={"app": "api"})
    done = run("explain", "deploy", "api", *shop.flags())
    assert f"api-1 on node {node}" in done.out
    assert "one of 2 pods, 1 of which wait for an image" in done.out


def test_a_network_of_the_node_is_the_nodes(run: Run, shop: Any, stuck: Any, node: str) -> None:
    stuck("web-1", "nginx:1.29", "Failed to pull image: dial tcp: lookup registry-1.docker.io: no such host")
    done = run("explain", "po/web-1", *shop.flags(), "-o", "json")
    (one,) = json.loads(done.out)["explanations"]
    assert (done.code, one["verdict"], one["cause"]["code"]) == (1, "pass", "registry-unreachable")
    assert f"look at DNS, proxy and firewall of node {node}" in one["cause"]["fix"]
    seen = [line for step in one["steps"] if step["step"] == "node" for line in step["seen"]]
    assert seen[-1] == "it has the image, so it does not ask the registry"


def test_what_was_pushed_since_only_needs_patience(run: Run, shop: Any, stuck: Any, node: str) -> None:
    stuck("web-1", "nginx:1.29", MISSING.format("nginx:1.29"))
    done = run("explain", "pod/web-1", *shop.flags())
    assert done.out.startswith("fail: nginx:1.29: its node says so: the registry does not have")
    assert f"kubectl delete pod web-1 -n {shop.namespace}" in done.out


def test_a_refusal_that_only_the_node_sees_is_answered_in_the_words_of_the_registry(
    run: Run, shop: Any, stuck: Any, node: str
) -> None:
    said = "failed to authorize: failed to fetch oauth token: unexpected status from GET request to https://x: 401"
    stuck("api-1", "ghcr.io/acme/api:1.4.1", f"Failed to pull image: {said} Unauthorized")
    done = run("explain", "pod/api-1", *shop.flags(), "-o", "json")
    assert json.loads(done.out)["cause"] == "unauthorized"
    stuck("web-1", "nginx:1.29", "Failed to pull image: toomanyrequests: You have reached your pull rate limit.")
    done = run("explain", "pod/web-1", *shop.flags(), "-o", "json")
    told = json.loads(done.out)
    assert told["cause"] == "rate-limited"
    fix = told["explanations"][0]["cause"]["fix"]
    assert f"kubectl create secret docker-registry regcred -n {shop.namespace} --docker-server=https://index." in fix


def test_a_node_that_did_not_get_as_far_has_the_word(run: Run, shop: Any, stuck: Any, node: str) -> None:
    stuck(
        "api-1", "ghcr.io/acme/api:1.4.2", "Failed to pull image: dial tcp: lookup ghcr.io on 10.0.0.2:53: no such host"
    )
    done = run("explain", "pod/api-1", *shop.flags(), "-o", "json")
    told = json.loads(done.out)
    assert (done.code, told["cause"]) == (1, "registry-unreachable")
    message, fix = (told["explanations"][0]["cause"][key] for key in ("message", "fix"))
    assert fix.startswith(f"the registry answers from here: look at DNS, proxy and firewall of node {node}; ")
    assert message.startswith("its node says so: the node's name server does not know the registry")
    assert message.endswith("; and once that is mended: tag not found. Nearest tags: 1.4.1. [image-not-found]")


def test_a_node_that_waits_and_does_not_say_why(run: Run, shop: Any, stuck: Any, node: str) -> None:
    stuck("web-1", "nginx:1.29", "Error: ImagePullBackOff")
    done = run("explain", "pod/web-1", *shop.flags())
    answer, _, fix, *_ = done.out.splitlines()
    assert done.code == 3
    assert answer == (
        "not verified: nginx:1.29: it can be pulled from here; its node waits (ImagePullBackOff) and does not say why"
        " [not-verified]"
    )
    assert fix == f"    fix: kubectl describe pod web-1 -n {shop.namespace}"


def test_a_missing_secret_stays_the_cause(run: Run, shop: Any, world: Any, stuck: Any, node: str) -> None:
    world.private.add("ghcr.io/acme/api:2")
    denied = "Failed to pull image: pull access denied, repository does not exist or may require authorization"
    stuck("api-1", "ghcr.io/acme/api:2", denied, imagePullSecrets=[{"name": "regcred"}])
    done = run("explain", "pod/api-1", *shop.flags())
    assert "[pull-secret-missing]" in done.out.splitlines()[0]
    assert 'secret "regcred"' in done.out
    assert "does not exist in the pod's namespace" in done.out


def test_a_node_that_sees_more_than_we_do_has_a_login(run: Run, shop: Any, world: Any, stuck: Any, node: str) -> None:
    image = "ghcr.io/acme/api:2"
    world.private.add(image)
    stuck("api-1", image, MISSING.format(image))
    done = run("explain", "pod/api-1", *shop.flags(), "-o", "json")
    assert json.loads(done.out)["cause"] == "image-not-found"


def test_markdown_for_a_ticket(run: Run, shop: Any, stuck: Any, node: str) -> None:
    stuck("api-1", "ghcr.io/acme/api:1.4.2", MISSING.format("x"))
    done = run("explain", "pods/api-1", *shop.flags(), "-o", "markdown")
    assert done.out.startswith("### `ghcr.io/acme/api:1.4.2`\n")
    assert "| ❌ | kubelet | waits: ImagePullBackOff |" in done.out


def test_a_pod_without_a_node_pulls_nothing_yet(run: Run, shop: Any) -> None:
    shop.create("pods", "web-1", spec={"containers": [{"name": "main", "image": "nginx:1.29"}]})
    done = run("explain", "pod/web-1", *shop.flags())
    assert done.code == 0
    assert "web-1 is on no node, so nothing is pulled yet: not scheduled yet" in done.out


@pytest.mark.parametrize("kind", ["cronjob", "rc", "sts", "job"])
def test_an_object_without_pods(run: Run, shop: Any, kind: str) -> None:
    pod = {"containers": [{"name": "main", "image": "nginx:1.29"}]}
    template = {"metadata": {"labels": {"app": "x"}}, "spec": pod}
    once = {"spec": {**pod, "restartPolicy": "Never"}}
    selector = {"matchLabels": {"app": "x"}}
    path, spec = {
        "cronjob": ("batch/v1/cronjobs", {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": once}}}),
        "rc": ("replicationcontrollers", {"selector": {"app": "x"}, "template": template}),
        "sts": ("apps/v1/statefulsets", {"selector": selector, "template": template, "serviceName": "x"}),
        "job": ("batch/v1/jobs", {"template": once}),
    }[kind]
    shop.create(path, "x", spec=spec)
    done = run("explain", f"{kind}/x", *shop.flags())
    assert (done.code, "it has no pods" in done.out) == (0, True)


def test_somebody_who_may_see_only_pods(run: Run, shop: Any, stuck: Any, node: str) -> None:
    stuck("api-1", "ghcr.io/acme/api:1.4.2", MISSING.format("x"))
    shop.allow("reader", "pods")
    done = run("explain", "pod/api-1", *shop.flags("reader"))
    assert done.code == 1
    assert "could not be read: its events: events is forbidden" in done.out
    assert f"nothing is known of node {node}: it could not be read" in done.out


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["pod/absent"], "no pod 'absent' in namespace"),
        (["deploy"], "which Deployment? name it: deploy/NAME"),
        (["pod/a", "nginx:1"], "'nginx:1' is an image and 'pod/a' an object"),
    ],
)
def test_mistakes_are_one_line(run: Run, shop: Any, argv: list[str], message: str) -> None:
    done = run("explain", *argv, *shop.flags())
    assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1)
    assert done.err.startswith(f"pullproof: error: {message}")


def test_without_rights_it_is_one_line(run: Run, shop: Any) -> None:
    done = run("explain", "pod/a", *shop.flags("someone"))
    assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1)
    assert "the cluster refuses" in done.err


def test_an_image_that_looks_like_an_object(run: Run) -> None:
    assert "registry docker.io" in run("explain", "pod/a:1").out
