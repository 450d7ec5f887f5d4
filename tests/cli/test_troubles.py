"""`pullproof explain` on every registry there are words for, and on what can be wrong with one: is the answer there?

The real program, in a network namespace whose registries have their real names.
"""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from internet import Internet

ECR = "123456789012.dkr.ecr.us-east-1.amazonaws.com"


@pytest.fixture(scope="module")
def net(opened: "Callable[[str], Internet]") -> "Internet":
    return opened("troubles")


PRIVATE = {
    "docker.io/acme/api:1": (1, "denied-or-missing", "--docker-server=https://index.docker.io/v1/", "access token"),
    "ghcr.io/acme/api:1": (1, "denied-or-missing", "--docker-server=ghcr.io", "a GitHub token (classic)"),
    f"{ECR}/acme/api:1": (3, "credentials-unavailable", "aws ecr get-login-password --region us-east-1", "12 hours"),
    "europe-docker.pkg.dev/acme/repo/api:1": (3, "credentials-unavailable", "_json_key", "artifactregistry.reader"),
    "gcr.io/acme/api:1": (3, "credentials-unavailable", "--docker-server=gcr.io", "_json_key"),
    "acme.azurecr.io/acme/api:1": (3, "credentials-unavailable", "--docker-server=acme.azurecr.io", "az acr token"),
    "quay.io/acme/api:1": (1, "denied-or-missing", "--docker-server=quay.io", "a Quay robot account"),
    "harbor.acme.test/acme/api:1": (1, "denied-or-missing", "'robot$NAME'", "a Harbor robot account"),
    "registry.gitlab.com/acme/api:1": (1, "denied-or-missing", "--docker-server=registry.gitlab.com", "deploy token"),
    "artifactory.acme.test/acme/api:1": (1, "denied-or-missing", "--docker-server=artifactory.acme.test", "USER"),
    "reg.acme.test/acme/api:1": (1, "no-pull-secret", "--docker-server=reg.acme.test", "imagePullSecrets"),
}


@pytest.mark.parametrize("image", PRIVATE)
def test_a_private_image_is_answered_in_the_words_of_its_registry(net: "Internet", image: str) -> None:
    code, cause, *words = PRIVATE[image]
    done = net.run("explain", image, *net.patient)
    answer, *rest = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (code, "")
    assert answer.endswith(f"[{cause}]")
    assert f": {image}: " in answer
    fix = next(line for line in rest if line.startswith("    fix: "))
    assert [word for word in words if word not in fix] == []
    assert "kubectl create secret docker-registry regcred -n default" in fix
    assert any(line.split()[:2] == ["-", "logins"] for line in rest)


ABSENT = ["docker.io", "ghcr.io", "quay.io", "harbor.acme.test", "registry.gitlab.com", "public.ecr.aws", "gcr.io"]


@pytest.mark.parametrize("registry", ABSENT)
def test_a_missing_tag_is_answered_with_the_nearest(net: "Internet", registry: str) -> None:
    done = net.run("explain", f"{registry}/acme/web:1.4.2", *net.patient)
    answer, *rest = done.stdout.splitlines()
    assert (done.returncode, answer.replace(" (likely)", "")) == (
        1,
        f"fail: {registry}/acme/web:1.4.2: tag not found. Nearest tags: 1.4.1, 1.4.0, 1.4.10. [image-not-found]",
    )
    assert f"    fix: write image: {registry}/acme/web:1.4.1, or push the missing tag" in rest


SILENT = "plain.acme.test:5001/acme/web:1"
WRONG = {
    "expired.acme.test/acme/web:1": ("unreachable (tls): certificate has expired", "renew the certificate", "tls"),
    "renamed.acme.test/acme/web:1": ("certificate is not valid for renamed.acme.test", "use a name that", "tls"),
    "private-ca.acme.test/acme/web:1": ("signed by unknown authority", "give its CA: ", "tls"),
    "nowhere.acme.test/acme/web:1": ("unreachable (dns): no such host", "nslookup nowhere.acme.test", "dns"),
    "plain.acme.test:5003/acme/web:1": ("unreachable (connect): connection refused", "listens", "tcp"),
    SILENT: ("unreachable (timeout): TLS handshake timeout", "network.timeout", "tls"),
    "plain.acme.test:5000/acme/web:1": ("server gave HTTP response to HTTPS client", "plainHTTP", "tls"),
    "portal.acme.test/acme/web:1": ("answers 200 with a web page", "correct host, port or path", "manifest"),
    "broken.acme.test/acme/web:1": ("503 Service Unavailable", "look at the registry's state", "manifest"),
    "limited.acme.test/acme/web:1": ("(429); resets in about 14 min", "wait, or pull with a login", "manifest"),
}


@pytest.mark.parametrize("image", WRONG)
def test_a_server_with_which_something_is_wrong(net: "Internet", image: str) -> None:
    words, fix, step = WRONG[image]
    patience = ("--timeout", "5s") if image == SILENT else net.patient
    done = net.run("explain", image, *patience, "-o", "json")
    assert (done.returncode, done.stderr) == (3, "")
    (told,) = json.loads(done.stdout)["explanations"]
    assert words in told["cause"]["message"]
    assert fix in told["cause"]["fix"]
    assert "(NetworkPolicy" not in told["cause"]["fix"]
    failed = [each["step"] for each in told["steps"] if each["state"] == "bad"]
    assert failed[0] == step


def test_a_certificate_is_told_with_its_names(net: "Internet") -> None:
    done = net.run("explain", "renamed.acme.test/acme/web:1", *net.patient)
    assert "certificate for not-renamed.acme.test, issued by pullproof demo authority, valid 20" in done.stdout


def test_the_way_is_told_before_what_was_asked_on_it(net: "Internet") -> None:
    done = net.run("explain", "acme/web:1.4.1", "-o", "json", *net.patient)
    (told,) = json.loads(done.stdout)["explanations"]
    steps = [each["step"] for each in told["steps"]]
    way = ["dns", "tcp", "tls"]
    assert steps[2:] == ["logins", *way, "manifest", *way, "token", "manifest", "found", "quota"]
    assert [each["code"] for each in told["warnings"]] == ["docker-hub-quota-low"]
    assert (done.returncode, told["cause"]) == (0, None)


def test_a_redirect_is_a_way_of_its_own(net: "Internet") -> None:
    done = net.run("explain", "registry.k8s.io/pause:3.9", *net.patient)
    assert done.stdout.startswith("pass: registry.k8s.io/pause:3.9 would be pulled\n")
    assert "us-west1-docker.pkg.dev is 10.77.0.1" in done.stdout


@pytest.fixture
def logged_in(tmp_path: Path) -> Path:
    """What `docker login` leaves: eve's logins, who is known everywhere and may read nothing."""
    login = base64.b64encode(b"eve:s3cret").decode()
    hosts = [image.partition("/")[0] for image in PRIVATE if not image.startswith("docker.io")]
    auths = {host: {"auth": login} for host in [*hosts, "https://index.docker.io/v1/"]}
    (tmp_path / "config.json").write_text(json.dumps({"auths": auths}))
    return tmp_path


GRANTS = {
    "ghcr.io/acme/api:1": ("forbidden", "a GitHub token with read:packages"),
    "reg.acme.test/acme/api:1": ("unauthorized", "docker login reg.acme.test"),
    "registry.gitlab.com/acme/api:1": ("forbidden", "a deploy token with read_registry"),
    "docker.io/acme/api:1": ("denied-or-missing", "read access to acme/api on hub.docker.com"),
    "quay.io/acme/api:1": ("denied-or-missing", "read permission on acme/api"),
    "harbor.acme.test/acme/api:1": ("denied-or-missing", "the Harbor project acme"),
}


@pytest.mark.parametrize("image", GRANTS)
def test_a_login_without_access_is_answered_with_how_to_grant_it(net: "Internet", logged_in: Path, image: str) -> None:
    cause, words = GRANTS[image]
    done = net.run("explain", image, "-o", "json", *net.patient, DOCKER_CONFIG=str(logged_in))
    (told,) = json.loads(done.stdout)["explanations"]
    assert (told["cause"]["code"], words in told["cause"]["fix"]) == (cause, True)
    assert "eve" not in done.stdout
    assert "s3cret" not in done.stdout
