"""What `kubectl` prints, to the letter, where the real API server asks the real webhook."""

import pytest
from workloads import deployment

from webhook.demo.images import ImageSpec
from webhook.demo.site import Repository

HOST = "reg.corp.example"


@pytest.fixture
def shop(world, pullproof, namespace):
    """A repository of the test's own with two tags, public."""
    name = f"{namespace}/api"
    world.registry(HOST).store.add(Repository(name=name, tags={"1.4.0": ImageSpec(), "1.4.1": ImageSpec()}))
    return f"{HOST}/{name}"


@pytest.fixture
def private(world, pullproof, namespace):
    name = f"{namespace}/private"
    world.registry(HOST).store.add(Repository(name=name, public=False, tags={"1": ImageSpec()}))
    return f"{HOST}/{name}"


def denial(namespace, image, cause, fix):
    return (
        'Error from server (Forbidden): error when creating "STDIN": '
        'admission webhook "workloads.pullproof.dev" denied the request: '
        f'1 of 1 image cannot be pulled in namespace "{namespace}" (pullproof enforce=baseline):\n'
        f'- container "api": {image}: {cause}\n'
        f"Fix: {fix}\n"
    )


class TestDenials:
    def test_missing_tag(self, kubectl, namespace, shop):
        done = kubectl("apply", "-n", namespace, "-f", "-", stdin=deployment(f"{shop}:1.4.2"))
        cause = "tag not found. Nearest tags: 1.4.1, 1.4.0. [image-not-found]"
        fix = f"write image: {shop}:1.4.1, or push the missing tag"
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == denial(namespace, f"{shop}:1.4.2", cause, fix)

    def test_missing_repository(self, kubectl, pullproof, namespace):
        done = kubectl("apply", "-n", namespace, "-f", "-", stdin=deployment("open.corp.example/shop/api:1"))
        cause = "repository not found. [image-not-found]"
        fix = "correct the repository's name or push it: docker push open.corp.example/shop/api"
        assert done.stderr == denial(namespace, "open.corp.example/shop/api:1", cause, fix)

    def test_invalid_name(self, kubectl, pullproof, namespace):
        done = kubectl("apply", "-n", namespace, "-f", "-", stdin=deployment("Shop/API:1"))
        assert "[invalid-reference]" in done.stderr
        assert done.returncode == 1

    def test_dry_runs_are_answered_alike(self, kubectl, namespace, shop):
        document = deployment(f"{shop}:1.4.2")
        answers = {
            kubectl("apply", "-n", namespace, "-f", "-", *dry, stdin=document).stderr
            for dry in ((), ("--dry-run=server",))
        }
        assert len(answers) == 1

    def test_an_image_that_is_pushed_is_allowed_at_once(self, kubectl, namespace, shop, world):
        assert kubectl("apply", "-n", namespace, "-f", "-", stdin=deployment(f"{shop}:2")).returncode == 1
        world.registry(HOST).store.put(f"{namespace}/api", "2")
        done = kubectl("apply", "-n", namespace, "-f", "-", stdin=deployment(f"{shop}:2"))
        assert (done.stdout, done.stderr) == ("deployment.apps/api created\n", "")

    def test_only_what_changes_is_denied(self, kubectl, namespace, shop, world):
        assert kubectl("apply", "-n", namespace, "-f", "-", stdin=deployment(f"{shop}:1.4.1")).returncode == 0
        world.registry(HOST).store.remove(f"{namespace}/api", "1.4.1")
        scaled = kubectl("scale", "-n", namespace, "deployment/api", "--replicas=2")
        assert (scaled.stdout, scaled.stderr) == ("deployment.apps/api scaled\n", "")
        changed = kubectl("set", "image", "-n", namespace, "deployment/api", f"api={shop}:9")
        assert changed.returncode == 1
        assert f'- container "api": {shop}:9: tag not found. Nearest tags: 1.4.0. [image-not-found]' in changed.stderr


class TestWarnings:
    def test_enforcement_is_off_by_a_label(self, kubectl, namespace, shop):
        kubectl("label", "namespace", namespace, "pullproof.dev/enforce=off")
        done = kubectl("apply", "-n", namespace, "-f", "-", stdin=deployment(f"{shop}:1.4.2"))
        assert done.stderr == f'Warning: container "api": {shop}:1.4.2 not found in registry [image-not-found]\n'
        assert done.stdout == "deployment.apps/api created\n"

    def test_a_missing_secret_may_arrive(self, kubectl, namespace, private):
        done = kubectl("apply", "-n", namespace, "-f", "-", stdin=deployment(f"{private}:1", "regcred"))
        words = f'secret "regcred" not found in namespace "{namespace}"'
        assert done.stderr == f'Warning: container "api": {private}:1: {words} [pull-secret-missing]\n'
        assert done.stdout == "deployment.apps/api created\n"

    def test_a_mutable_tag(self, kubectl, namespace, shop, world):
        world.registry(HOST).store.put(f"{namespace}/api", "latest")
        done = kubectl("run", "api", "-n", namespace, "--image", f"{shop}:latest")
        words = "uses a mutable tag; pin a version or digest"
        assert done.stderr == f'Warning: container "api": {shop}:latest {words} [latest-tag]\n'

    def test_no_login(self, kubectl, namespace, private):
        done = kubectl("apply", "-n", namespace, "-f", "-", stdin=deployment(f"{private}:1"))
        words = f"{HOST} wants a login, and no pull secret has one"
        assert done.stderr == f'Warning: container "api": {private}:1: {words} [no-pull-secret]\n'

    def test_a_name_that_does_not_resolve(self, kubectl, pullproof, namespace):
        done = kubectl("apply", "-n", namespace, "-f", "-", stdin=deployment("nowhere.example/x:1"))
        assert done.returncode == 0
        assert done.stderr.startswith('Warning: container "api": nowhere.example/x:1 not verified: ')
        assert done.stderr.endswith(" [registry-unreachable]\n")

    def test_ephemeral_containers_are_warned_about(self, kubectl, namespace, shop):
        kubectl("run", "api", "-n", namespace, "--image", f"{shop}:1.4.1")
        done = kubectl("debug", "-n", namespace, "api", "-c", "debugger", "--image", f"{shop}:9", "--profile=general")
        words = f'Warning: ephemeralContainer "debugger": {shop}:9 not found in registry [image-not-found]'
        assert words in done.stderr.splitlines()
        assert done.returncode == 0


class TestSilence:
    def test_what_is_fine_is_fine(self, kubectl, namespace, shop):
        done = kubectl("apply", "-n", namespace, "-f", "-", stdin=deployment(f"{shop}:1.4.1"))
        assert (done.stdout, done.stderr) == ("deployment.apps/api created\n", "")
        rolled = kubectl("rollout", "status", "-n", namespace, "deployment/api", "--timeout=30s")
        assert rolled.returncode == 0, rolled.stderr

    def test_a_login_that_works(self, kubectl, namespace, private):
        login = ("--docker-server", HOST, "--docker-username", "bob", "--docker-password", "s3cret")
        assert kubectl("create", "secret", "docker-registry", "regcred", "-n", namespace, *login).returncode == 0
        done = kubectl("apply", "-n", namespace, "-f", "-", stdin=deployment(f"{private}:1", "regcred"))
        assert (done.stdout, done.stderr) == ("deployment.apps/api created\n", "")
        rolled = kubectl("rollout", "status", "-n", namespace, "deployment/api", "--timeout=40s")
        assert rolled.returncode == 0, rolled.stderr

    def test_a_workload_without_replicas(self, kubectl, namespace, shop):
        done = kubectl("apply", "-n", namespace, "-f", "-", stdin=deployment(f"{shop}:9", replicas=0))
        assert (done.stdout, done.stderr) == ("deployment.apps/api created\n", "")

    def test_excluded_namespaces(self, kubectl, pullproof):
        done = kubectl("run", "api", "-n", "kube-system", "--image", "nobody.example/looks:here", "--dry-run=server")
        assert (done.stdout, done.stderr) == ("pod/api created (server dry run)\n", "")
