"""The commands of a person, in front of real pods on a real node: what is stuck, what would be, does the fix fix it?

No webhook is asked here; objects carry the label that keeps an installed one from refusing them.
"""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable

import pytest
from installation import Kubectl, until
from workloads import deployment

from webhook.demo.images import ImageSpec
from webhook.demo.site import Repository
from webhook.demo.world import World

OPEN, PRIVATE = "open.corp.example", "reg.corp.example"
Done = subprocess.CompletedProcess[str]

pytestmark = pytest.mark.long


@pytest.fixture
def shop(kubectl: Kubectl, namespace: str) -> str:
    """A namespace in which nothing is enforced."""
    kubectl("label", "namespace", namespace, "pullproof.dev/enforce=off")
    until("the default account", lambda: kubectl("get", "serviceaccount", "default", "-n", namespace).returncode == 0)
    return namespace


@pytest.fixture
def command(shop: str) -> Callable[..., Done]:
    """Run `pullproof` as a person would, in the namespace."""

    def run(*argv: str) -> Done:
        command = [sys.executable, "-m", "webhook", *argv, "-n", shop]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=os.environ)

    return run


def runs(kubectl: Kubectl, namespace: str) -> bool:
    done = kubectl("get", "deploy", "api", "-n", namespace, "-o", "jsonpath={.status.availableReplicas}")
    return done.stdout == "1"


def waits(kubectl: Kubectl, namespace: str) -> bool:
    path = "jsonpath={.items[*].status.containerStatuses[*].state.waiting.reason}"
    return "ImagePull" in kubectl("get", "pods", "-n", namespace, "-o", path).stdout


def test_what_runs_and_would_not_come_up_again(
    kubectl: Kubectl, world: World, shop: str, command: Callable[..., Done]
) -> None:
    store = world.registry(OPEN).store
    store.add(Repository(name=f"{shop}/app", tags={"1": ImageSpec(), "2": ImageSpec()}))
    assert kubectl("apply", "-n", shop, "-f", "-", stdin=deployment(f"{OPEN}/{shop}/app:1")).returncode == 0
    until("that it runs", lambda: runs(kubectl, shop))
    fine = command("scan")
    assert (fine.returncode, fine.stdout) == (0, "1 image: 1 pass\n")
    store.remove(f"{shop}/app", "1")
    gone = command("scan", "-o", "json")
    (image,) = json.loads(gone.stdout)["images"]
    (finding,) = image["findings"]
    assert (gone.returncode, finding["code"]) == (1, "image-not-found")
    assert finding["message"] == "tag not found. Nearest tags: 2."
    explained = command("explain", "deploy/api")
    assert explained.stdout.startswith(f"fail (likely): {OPEN}/{shop}/app:1: tag not found. Nearest tags: 2. [")
    assert "runs: its node has the image; what follows is of the next pull" in explained.stdout


def test_a_stuck_pod_is_explained_and_runs_once_the_tag_is_there(
    kubectl: Kubectl, world: World, shop: str, command: Callable[..., Done]
) -> None:
    store = world.registry(OPEN).store
    store.add(Repository(name=f"{shop}/app", tags={"1.4.1": ImageSpec()}))
    assert kubectl("apply", "-n", shop, "-f", "-", stdin=deployment(f"{OPEN}/{shop}/app:1.4.2")).returncode == 0
    until("that it waits", lambda: waits(kubectl, shop))
    done = command("explain", "deploy/api")
    answer, *rest = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (1, "")
    assert answer == f"fail: {OPEN}/{shop}/app:1.4.2: tag not found. Nearest tags: 1.4.1. [image-not-found]"
    assert f"    fix: write image: {OPEN}/{shop}/app:1.4.1, or push the missing tag" in rest
    seen = "\n".join(rest)
    assert "Failed to pull image" in seen
    assert "the registry does not have this repository, tag or digest [image-not-found]" in seen
    assert f"certificate for {OPEN}, issued by " in seen
    assert "it does not list the image" in seen
    store.put(f"{shop}/app", "1.4.2")
    until("that it runs", lambda: runs(kubectl, shop), seconds=120)


def test_the_fix_of_a_wrong_login_fixes_it(
    kubectl: Kubectl, world: World, shop: str, command: Callable[..., Done]
) -> None:
    world.registry(PRIVATE).store.add(Repository(name=f"{shop}/api", public=False, tags={"1": ImageSpec()}))
    login = (f"--docker-server={PRIVATE}", "--docker-username=bob", "--docker-password=wrong")
    assert kubectl("create", "secret", "docker-registry", "regcred", "-n", shop, *login).returncode == 0
    image = f"{PRIVATE}/{shop}/api:1"
    assert kubectl("apply", "-n", shop, "-f", "-", stdin=deployment(image, "regcred")).returncode == 0
    until("that it waits", lambda: waits(kubectl, shop))
    done = command("explain", "deploy/api", "-o", "json")
    cause = json.loads(done.stdout)["explanations"][0]["cause"]
    assert (done.returncode, cause["code"]) == (1, "unauthorized")
    fix = cause["fix"].replace("=USER", "=bob").replace("=PASSWORD", f"={shlex.quote('s3cret')}")
    mended = subprocess.run(["bash", "-ec", fix], capture_output=True, text=True, check=False)
    assert mended.returncode == 0, mended.stderr
    until("that it runs", lambda: runs(kubectl, shop), seconds=120)
    assert command("scan").returncode == 0
