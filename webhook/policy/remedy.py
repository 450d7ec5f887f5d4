"""What to do about a finding, in the words of the registry at hand (pure).

Every text is one command or one edit. Names that come from a user's objects are quoted for the shell; words in
capitals are for the reader to fill in. Nothing here holds a secret's value.
"""

import re
import shlex
from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from webhook.credentials.pullsecret import PullSecrets, SecretState
from webhook.image.platform import Platform
from webhook.image.reference import Reference
from webhook.policy.wording import printable

_LONGEST = 200


class RegistryKind(StrEnum):
    """Whose words to speak."""

    DOCKER_HUB = "Docker Hub"
    ECR = "Amazon ECR"
    ECR_PUBLIC = "Amazon ECR Public"
    GOOGLE = "Google Artifact Registry"
    GHCR = "GitHub Packages"
    ACR = "Azure Container Registry"
    OCIR = "Oracle Cloud Registry"
    ICR = "IBM Cloud Registry"
    QUAY = "Quay"
    GITLAB = "GitLab"
    HARBOR = "Harbor"
    OTHER = "registry"


_KINDS: Final[tuple[tuple[re.Pattern[str], RegistryKind], ...]] = tuple(
    (re.compile(pattern, re.IGNORECASE | re.ASCII), kind)
    for pattern, kind in (
        (r"docker\.io|registry-1\.docker\.io", RegistryKind.DOCKER_HUB),
        (r"\d+\.dkr[.-]ecr(-fips)?\.[a-z0-9-]+\..+", RegistryKind.ECR),
        (r"public\.ecr\.aws", RegistryKind.ECR_PUBLIC),
        (r"(.+\.)?gcr\.io|.+\.pkg\.dev", RegistryKind.GOOGLE),
        (r"(.+\.)?ghcr\.io|(containers|docker)\.pkg\.github\.com", RegistryKind.GHCR),
        (r".+\.azurecr\.(io|cn|de|us)", RegistryKind.ACR),
        (r"(.+\.)?ocir\.io|ocir\..+\.oraclecloud\.com", RegistryKind.OCIR),
        (r"(.+\.)?icr\.io", RegistryKind.ICR),
        (r"(.+\.)?quay\.io|quay\..+", RegistryKind.QUAY),
        (r"registry\.gitlab\.com|(.+\.)?gitlab\..+", RegistryKind.GITLAB),
        (r"(.+\.)?harbor\..+", RegistryKind.HARBOR),
    )
)


def kind_of(registry: str) -> RegistryKind:
    """Tell by its name what runs a registry."""
    host = registry.partition(":")[0]
    return next((kind for pattern, kind in _KINDS if pattern.fullmatch(host)), RegistryKind.OTHER)


def server_of(registry: str) -> str:
    """Return what to write as the server of a pull secret."""
    return "https://index.docker.io/v1/" if registry == "docker.io" else registry


def create_secret(reference: Reference, namespace: str, name: str = "regcred") -> str:
    """Return the command that makes a pull secret for this registry, with where its password is had."""
    user, password, note = _login(reference.registry)
    command = (
        f"kubectl create secret docker-registry {_word(name)}{_in(namespace)}"
        f" --docker-server={_word(server_of(reference.registry))} --docker-username={user} --docker-password={password}"
    )
    return f"{command}  # {note}" if note else command


def renew_secret(reference: Reference, namespace: str, name: str) -> str:
    """Return the command that replaces a pull secret by one that holds this registry's login and no other."""
    command, _, note = create_secret(reference, namespace, name).partition("  # ")
    replaced = f"{command} --dry-run=client -o yaml | kubectl apply -f -"
    return f"{replaced}  # {note}" if note else replaced


def free_name(reference: Reference, secrets: PullSecrets) -> str:
    """Return a name for one more pull secret, which none of the pod's has."""
    taken = {secret.name for secret in secrets.secrets}
    if "regcred" not in taken:
        return "regcred"
    slug = re.sub(r"[^a-z0-9]+", "-", reference.registry.lower()).strip("-")
    return f"regcred-{slug[:_LONGEST]}"


def another_secret(reference: Reference, namespace: str, secrets: PullSecrets) -> str:
    """Return the command that makes a pull secret beside the pod's own, and where it is to be named."""
    of = f" of service account {_word(secrets.account)}" if secrets.secrets and secrets.account else ""
    too = " too" if secrets.secrets else ""
    command = create_secret(reference, namespace, free_name(reference, secrets))
    return f"name it in imagePullSecrets{of}{too}: {command}"


def mend_secret(reference: Reference, namespace: str, secrets: PullSecrets, name: str) -> str:
    """Return the command that gives a pull secret its right login.

    Where to write it anew would take away what it holds for others, or could not be (a Secret's type never changes),
    another is made beside it.
    """
    found = next((secret for secret in secrets.secrets if secret.name == name), None)
    if found is None or found.state is SecretState.IGNORED or len(found.entries) > 1:
        return another_secret(reference, namespace, secrets)
    return renew_secret(reference, namespace, name)


def grant_access(reference: Reference) -> str:
    """Say where a login is given the right to pull this repository."""
    repository = _word(reference.repository)
    match kind_of(reference.registry):
        case RegistryKind.DOCKER_HUB:
            return f"give the account read access to {repository} on hub.docker.com, or use its owner's access token"
        case RegistryKind.ECR | RegistryKind.ECR_PUBLIC:
            return f"allow ecr:BatchGetImage on repository {repository} for the login (aws ecr set-repository-policy)"
        case RegistryKind.GOOGLE:
            return f"grant roles/artifactregistry.reader to the login: {_google_grant(reference)}"
        case RegistryKind.GHCR:
            return f"use a GitHub token with read:packages, and give its owner read access to the package {repository}"
        case RegistryKind.ACR:
            return "grant the login AcrPull: az role assignment create --role AcrPull --assignee ID --scope REGISTRY_ID"
        case RegistryKind.QUAY:
            return f"give the robot account read permission on {repository} (Quay: repository settings)"
        case RegistryKind.GITLAB:
            return "use a deploy token with read_registry of this project or group"
        case RegistryKind.HARBOR:
            project = _word(reference.repository.partition("/")[0])
            return f"give the login pull permission in the Harbor project {project}"
        case _:
            return f"give the login pull access to {repository} at {_word(reference.registry)}"


def list_tags(reference: Reference) -> str:
    """Return the command that shows which tags there are."""
    kind, repository = kind_of(reference.registry), _word(reference.repository)
    if kind is RegistryKind.ECR:
        region = _ecr_region(reference.registry)
        return f"aws ecr list-images --region {region} --repository-name {repository}"
    if kind is RegistryKind.GOOGLE:
        return f"gcloud artifacts docker tags list {_word(reference.name)}"
    if kind is RegistryKind.ACR:
        return f"az acr repository show-tags -n {_acr_name(reference.registry)} --repository {repository}"
    return f"crane ls {_word(reference.name)}"


def create_account(namespace: str, account: str) -> str:
    """Return the command that makes a ServiceAccount."""
    return f"kubectl create serviceaccount {_word(account)}{_in(namespace)}"


def may_read(kind: str, name: str, namespace: str) -> str:
    """Return the command that tells whether an account may read an object."""
    return f"kubectl auth can-i get {kind}/{_word(name)}{_in(namespace)} --as=system:serviceaccount:NAMESPACE:ACCOUNT"


def try_by_hand(reference: Reference) -> str:
    """Return the command by which a person asks the registry the same."""
    return f"crane digest {_word(str(reference))}"


def build_for(reference: Reference, missing: Iterable[Platform], built: Iterable[Platform]) -> str:
    """Say how to have an image for the missing platforms as well."""
    platforms = ",".join(sorted({str(platform) for platform in (*built, *missing)}))
    architectures = sorted({platform.architecture for platform in built})
    command = f"docker buildx build --platform {_word(platforms)} -t {_word(reference.name)}:TAG --push ."
    choice = f"; or nodeSelector: {{kubernetes.io/arch: {printable(architectures[0])}}}" if architectures else ""
    return f"{command}{choice}"


def log_in(registry: str) -> str:
    """Return the command by which a person logs in, to see whether a login works at all."""
    match kind_of(registry):
        case RegistryKind.ECR:
            region = _ecr_region(registry)
            return (
                f"aws ecr get-login-password --region {region} | docker login -u AWS --password-stdin {_word(registry)}"
            )
        case RegistryKind.GOOGLE:
            return f"gcloud auth configure-docker {_word(registry)}"
        case RegistryKind.ACR:
            return f"az acr login -n {_acr_name(registry)}"
        case _:
            return f"docker login {_word(server_of(registry))}"


def _login(registry: str) -> tuple[str, str, str]:
    """Return username, password (or the command that prints one) and a note on where it is had."""
    match kind_of(registry):
        case RegistryKind.DOCKER_HUB:
            return "USER", "TOKEN", "a Docker Hub access token: Account settings, Personal access tokens"
        case RegistryKind.ECR:
            password = f'"$(aws ecr get-login-password --region {_ecr_region(registry)})"'
            return "AWS", password, "valid for 12 hours: renew it, or use the kubelet's ECR credential provider"
        case RegistryKind.ECR_PUBLIC:
            return "AWS", '"$(aws ecr-public get-login-password --region us-east-1)"', "valid for 12 hours"
        case RegistryKind.GOOGLE:
            return "_json_key", '"$(cat KEY.json)"', "a key of a service account with roles/artifactregistry.reader"
        case RegistryKind.GHCR:
            return "USER", "TOKEN", "a GitHub token (classic) with read:packages"
        case RegistryKind.ACR:
            return (
                "TOKEN_NAME",
                "PASSWORD",
                f"az acr token create -n TOKEN_NAME -r {_acr_name(registry)} --scope-map _repositories_pull",
            )
        case RegistryKind.OCIR:
            return "'TENANCY/USER'", "TOKEN", "an auth token of the user"
        case RegistryKind.ICR:
            return "iamapikey", "APIKEY", "ibmcloud iam api-key-create"
        case RegistryKind.QUAY:
            return "'ORG+ROBOT'", "TOKEN", "a Quay robot account with read permission"
        case RegistryKind.GITLAB:
            return "USER", "TOKEN", "a GitLab deploy token with read_registry"
        case RegistryKind.HARBOR:
            return "'robot$NAME'", "SECRET", "a Harbor robot account; keep the single quotes"
        case RegistryKind.OTHER:
            return "USER", "PASSWORD", ""


def _acr_name(registry: str) -> str:
    return _word(registry.partition(".")[0])


def _ecr_region(registry: str) -> str:
    labels = registry.split(".")
    place = next((index for index, label in enumerate(labels) if "ecr" in label), 0) + 1
    return _word(labels[place]) if place < len(labels) else "REGION"


def _google_grant(reference: Reference) -> str:
    """`LOCATION-docker.pkg.dev/PROJECT/REPOSITORY/image` names all that the command wants; gcr.io does not."""
    location, dash, rest = reference.registry.partition("-docker.pkg.dev")
    parts = reference.repository.split("/")
    if not dash or rest or len(parts) < 3:
        return "gcloud projects add-iam-policy-binding PROJECT --member=MEMBER --role=roles/artifactregistry.reader"
    return (
        f"gcloud artifacts repositories add-iam-policy-binding {_word(parts[1])} --project={_word(parts[0])}"
        f" --location={_word(location)} --member=MEMBER --role=roles/artifactregistry.reader"
    )


def _in(namespace: str) -> str:
    return f" -n {_word(namespace)}" if namespace else ""


def _word(text: str) -> str:
    return shlex.quote(printable(text, _LONGEST))
