"""The fix in the words of the registry at hand, safe to paste."""

import shlex

import pytest

from webhook.credentials.credential import Credential, Origin
from webhook.credentials.pullsecret import Entry, PullSecret, PullSecrets, SecretState
from webhook.image.reference import Reference
from webhook.policy.remedy import (
    RegistryKind,
    another_secret,
    create_secret,
    grant_access,
    kind_of,
    list_tags,
    log_in,
    mend_secret,
    renew_secret,
)

ECR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"


@pytest.mark.parametrize(
    ("registry", "kind"),
    [
        ("docker.io", RegistryKind.DOCKER_HUB),
        (ECR, RegistryKind.ECR),
        ("123456789012.dkr-ecr.us-east-1.on.aws", RegistryKind.ECR),
        ("public.ecr.aws", RegistryKind.ECR_PUBLIC),
        ("gcr.io", RegistryKind.GOOGLE),
        ("europe-docker.pkg.dev", RegistryKind.GOOGLE),
        ("ghcr.io", RegistryKind.GHCR),
        ("docker.pkg.github.com", RegistryKind.GHCR),
        ("acme.azurecr.io", RegistryKind.ACR),
        ("fra.ocir.io", RegistryKind.OCIR),
        ("de.icr.io", RegistryKind.ICR),
        ("quay.io", RegistryKind.QUAY),
        ("quay.corp.example:8443", RegistryKind.QUAY),
        ("registry.gitlab.com", RegistryKind.GITLAB),
        ("registry.gitlab.corp.example:5050", RegistryKind.GITLAB),
        ("harbor.corp.example", RegistryKind.HARBOR),
        ("reg.corp.example:5000", RegistryKind.OTHER),
        ("notgcr.io", RegistryKind.OTHER),
        ("myquay.io.example", RegistryKind.OTHER),
    ],
)
def test_kind_of(registry: str, kind: RegistryKind) -> None:
    assert kind_of(registry) is kind


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ("acme/api", ["--docker-server=https://index.docker.io/v1/", "Docker Hub access token"]),
        (f"{ECR}/api", ["--docker-username=AWS", '"$(aws ecr get-login-password --region eu-west-1)"', "12 hours"]),
        ("public.ecr.aws/a/b", ["aws ecr-public get-login-password"]),
        ("eu.gcr.io/p/i", ["--docker-username=_json_key", "roles/artifactregistry.reader"]),
        ("ghcr.io/a/b", ["read:packages"]),
        ("acme.azurecr.io/b", ["az acr token create"]),
        ("fra.ocir.io/t/b", ["'TENANCY/USER'"]),
        ("icr.io/n/b", ["--docker-username=iamapikey"]),
        ("quay.io/o/b", ["'ORG+ROBOT'"]),
        ("registry.gitlab.com/g/b", ["read_registry"]),
        ("harbor.corp.example/p/b", ["'robot$NAME'"]),
        ("reg.corp.example:5000/b", ["--docker-server=reg.corp.example:5000", "--docker-username=USER"]),
    ],
)
def test_create_secret(image: str, words: list[str]) -> None:
    command = create_secret(Reference.parse(image), "shop")
    assert command.startswith("kubectl create secret docker-registry regcred -n shop --docker-server=")
    assert [word for word in words if word not in command] == []
    assert len(command) < 320
    assert shlex.split(command, comments=True)[:6] == [
        "kubectl",
        "create",
        "secret",
        "docker-registry",
        "regcred",
        "-n",
    ]


def test_renew_secret_overwrites() -> None:
    command = renew_secret(Reference.parse("ghcr.io/a/b"), "shop", "regcred")
    assert " --dry-run=client -o yaml | kubectl apply -f -  # " in command


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ("acme/api", "hub.docker.com"),
        (f"{ECR}/api", "ecr:BatchGetImage"),
        (
            "europe-west3-docker.pkg.dev/project/repo/img",
            "gcloud artifacts repositories add-iam-policy-binding repo --project=project --location=europe-west3",
        ),
        ("gcr.io/project/img", "gcloud projects add-iam-policy-binding PROJECT"),
        ("ghcr.io/a/b", "read:packages"),
        ("acme.azurecr.io/b", "AcrPull"),
        ("quay.io/o/b", "robot account"),
        ("registry.gitlab.com/g/b", "read_registry"),
        ("harbor.corp.example/p/b", "Harbor project p"),
        ("reg.corp.example/b", "pull access to b at reg.corp.example"),
    ],
)
def test_grant_access(image: str, words: str) -> None:
    assert words in grant_access(Reference.parse(image))


@pytest.mark.parametrize(
    ("image", "command"),
    [
        ("nginx", "crane ls docker.io/library/nginx"),
        (f"{ECR}/team/api", "aws ecr list-images --region eu-west-1 --repository-name team/api"),
        ("gcr.io/p/i", "gcloud artifacts docker tags list gcr.io/p/i"),
        ("acme.azurecr.io/b", "az acr repository show-tags -n acme --repository b"),
    ],
)
def test_list_tags(image: str, command: str) -> None:
    assert list_tags(Reference.parse(image)) == command


@pytest.mark.parametrize(
    ("registry", "command"),
    [
        ("docker.io", "docker login https://index.docker.io/v1/"),
        (ECR, f"aws ecr get-login-password --region eu-west-1 | docker login -u AWS --password-stdin {ECR}"),
        ("europe-docker.pkg.dev", "gcloud auth configure-docker europe-docker.pkg.dev"),
        ("acme.azurecr.io", "az acr login -n acme"),
        ("reg.corp.example:5000", "docker login reg.corp.example:5000"),
    ],
)
def test_log_in(registry: str, command: str) -> None:
    assert log_in(registry) == command


@pytest.mark.parametrize("name", ["a; rm -rf ~", "$(id)", "a'b", "`id`", "a\nb", "a b"])
def test_names_are_quoted_for_the_shell(name: str) -> None:
    """A Secret's name is checked by the API server, but a file on the command line is not."""
    reference = Reference(registry="reg.example", repository=name)
    for command in (
        create_secret(reference, name, name),
        renew_secret(reference, name, name).partition(" | ")[0],
        list_tags(reference),
    ):
        words = shlex.split(command, comments=True)
        expected = name.replace("\n", "?")
        assert any(expected in word for word in words)
        assert not any(word in ("rm", ";") for word in words)
        assert command.isprintable()


LOGIN = Credential(username="bot", secret="s3cret", source='secret "a"', origin=Origin.POD)


def secret(name: str, *hosts: str, state: SecretState = SecretState.USABLE) -> PullSecret:
    entries = tuple(Entry(host=host, key=host, credential=LOGIN) for host in hosts)
    return PullSecret(name=name, state=state, entries=entries)


@pytest.mark.parametrize(
    ("secrets", "begins"),
    [
        (PullSecrets(), "name it in imagePullSecrets: kubectl create secret docker-registry regcred -n shop"),
        (
            PullSecrets(secrets=(secret("regcred", "quay.io"),)),
            "name it in imagePullSecrets too: kubectl create secret docker-registry regcred-ghcr-io -n shop",
        ),
        (
            PullSecrets(secrets=(secret("pull", "quay.io"),), account="bot"),
            "name it in imagePullSecrets of service account bot too: kubectl create secret docker-registry regcred ",
        ),
    ],
    ids=["none", "its own", "the account's"],
)
def test_another_secret_takes_nothing_away(secrets: PullSecrets, begins: str) -> None:
    assert another_secret(Reference.parse("ghcr.io/a/b"), "shop", secrets).startswith(begins)


@pytest.mark.parametrize(
    ("found", "anew"),
    [
        (secret("a", "ghcr.io"), True),
        (secret("a", state=SecretState.MALFORMED), True),
        (secret("a", "ghcr.io", "quay.io"), False),
        (secret("a", state=SecretState.IGNORED), False),  # its type is another, and a Secret's type never changes
    ],
    ids=["one entry", "malformed", "two entries", "another type"],
)
def test_a_secret_is_made_anew_only_where_nothing_else_is_lost(found: PullSecret, anew: bool) -> None:
    command = mend_secret(Reference.parse("ghcr.io/a/b"), "shop", PullSecrets(secrets=(found,)), "a")
    assert ("docker-registry a -n shop" in command and "kubectl apply -f -" in command) is anew
