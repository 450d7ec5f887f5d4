"""`--credentials cluster`, against a real API server."""

from collections.abc import Callable
from typing import Any

import pytest

Run = Callable[..., Any]
IMAGE = "ghcr.io/acme/api:2"


@pytest.fixture(autouse=True)
def private(world: Any) -> None:
    world.private.add(IMAGE)


def pod(extra: str = "", image: str = IMAGE) -> str:
    return (
        f"apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec:\n{extra}  containers: [{{name: c, image: {image}}}]\n"
    )


NAMED = pod("  imagePullSecrets: [{name: regcred}]\n")
ACCOUNT = "---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: default}\nimagePullSecrets: [{name: regcred}]\n"


def secret(user: str) -> str:
    login = f'{{"auths": {{"ghcr.io": {{"username": "{user}", "password": "x"}}}}}}'
    return (
        "---\napiVersion: v1\nkind: Secret\nmetadata: {name: regcred}\ntype: kubernetes.io/dockerconfigjson\n"
        f"stringData: {{.dockerconfigjson: '{login}'}}\n"
    )


def check(run: Run, shop: Any, text: str, user: str = "admin") -> Any:
    return run("check", "-", "--credentials", "cluster", *shop.flags(user), stdin=text)


def test_a_secret_of_the_cluster_opens_the_image(run: Run, shop: Any) -> None:
    shop.pull_secret("regcred")
    done = check(run, shop, NAMED)
    assert (done.code, done.out, done.err) == (0, "1 image: 1 pass\n", "")


def test_a_secret_that_is_nowhere_is_missing(run: Run, shop: Any) -> None:
    done = check(run, shop, NAMED)
    assert "[pull-secret-missing]" in done.out
    assert f'secret "regcred" not found in namespace "{shop.namespace}"' in done.out


def test_the_account_of_the_cluster_brings_its_secrets(run: Run, shop: Any) -> None:
    shop.pull_secret("regcred")
    path = f"/api/v1/namespaces/{shop.namespace}/serviceaccounts/default"
    shop.send("PATCH", path, {"imagePullSecrets": [{"name": "regcred"}]})
    assert check(run, shop, pod()).code == 0
    image = run("image", IMAGE, "--credentials", "cluster", *shop.flags())
    assert (image.code, image.out.startswith(f"pass: {IMAGE} is sha256:")) == (0, True)


def test_without_a_secret_the_login_of_this_machine_is_not_used(run: Run, shop: Any, world: Any) -> None:
    done = check(run, shop, pod())
    assert done.code == 1
    assert "[no-pull-secret]" in done.out
    assert [wish.logins.value for wish in world.wishes] == ["cluster"]


def test_what_is_to_be_applied_counts_before_what_is_there(run: Run, shop: Any) -> None:
    shop.pull_secret("regcred", user="somebody-else")
    assert "[unauthorized]" in check(run, shop, NAMED).out
    assert check(run, shop, NAMED + secret("acme")).code == 0
    assert check(run, shop, pod() + ACCOUNT + secret("acme")).code == 0


def test_an_account_that_is_to_be_applied_names_secrets_of_the_cluster(run: Run, shop: Any) -> None:
    shop.pull_secret("regcred")
    assert check(run, shop, pod() + ACCOUNT).code == 0


def test_what_rbac_hides_is_not_verified(run: Run, shop: Any) -> None:
    shop.pull_secret("regcred")
    done = check(run, shop, NAMED, "someone")
    assert done.code == 3
    assert "[credentials-unavailable]" in done.out
    assert "RBAC does not let us get secrets" in done.out


@pytest.mark.parametrize("command", [("check", "-"), ("image", "nginx:1.29")])
def test_a_cluster_that_cannot_be_reached_is_one_line(run: Run, shop: Any, command: tuple[str, ...]) -> None:
    flags = ("--credentials", "cluster", "--kubeconfig", shop.login("admin", token="wrong"))
    done = run(*command, *flags, stdin=NAMED)
    assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1)
    assert done.err.startswith("pullproof: error: the cluster refuses (kubeconfig ")


def test_a_cluster_that_nobody_asks_is_a_mistake(run: Run) -> None:
    done = run("check", "-", "--context", "prod", stdin=NAMED)
    assert (done.code, len(done.err.splitlines())) == (2, 1)
    assert "add --credentials cluster" in done.err


def test_complete_documents_and_a_cluster_are_a_mistake(run: Run) -> None:
    done = run("check", "-", "--complete", "--credentials", "cluster", stdin=NAMED)
    assert (done.code, len(done.err.splitlines())) == (2, 1)
