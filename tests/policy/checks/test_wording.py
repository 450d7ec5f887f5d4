"""What a person reads: one row for each way a finding can read."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from webhook.credentials.credential import Credential, Origin
from webhook.credentials.pullsecret import SecretState
from webhook.image.manifest import Descriptor, Index, Manifest
from webhook.image.platform import Platform
from webhook.image.reference import Digest
from webhook.policy.evidence import Evidence
from webhook.policy.finding import Code, Finding
from webhook.registry.resolution import Absent, Failure, Quota
from webhook.workload.workload import PullPolicy

Make = Callable[..., Evidence]
Find = Callable[..., Finding | None]

USABLE, MISSING, IGNORED = SecretState.USABLE, SecretState.MISSING, SecretState.IGNORED
A, B = Digest("sha256:" + "a" * 64), Digest("sha256:" + "b" * 64)
AMD64, ARM64 = Platform(os="linux", architecture="amd64"), Platform(os="linux", architecture="arm64")
S390X = Platform(os="linux", architecture="s390x")
IMAGE = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
AMD64_INDEX = Index(
    media_type="application/vnd.oci.image.index.v1+json",
    manifests=(Descriptor(media_type=IMAGE, digest=A, size=1, platform=AMD64),),
)
AMD64_MANIFEST = Manifest(
    media_type=IMAGE, config=Descriptor(media_type=CONFIG, digest=A, size=1), layers=(), platform=AMD64
)
CHART = Manifest(
    media_type=IMAGE,
    config=Descriptor(media_type="application/vnd.cncf.helm.config.v1+json", digest=A, size=1),
    layers=(),
)
PROVIDER = Credential(username="AWS", secret="t", source="provider ecr", origin=Origin.PROVIDER)
SECRET = ("regcred", USABLE, ("reg.example",), "", "pw")
TWO_HOSTS = ("regcred", USABLE, ("reg.example", "quay.io"), "", "pw")


def told(image: str, message: str, brief: str, fix: str, /, **facts: Any) -> Any:
    return image, facts, message, brief, fix


ANEW = (
    "kubectl create secret docker-registry regcred -n shop --docker-server=reg.example"
    " --docker-username=USER --docker-password=PASSWORD --dry-run=client -o yaml | kubectl apply -f -"
)
BESIDE = (
    "name it in imagePullSecrets too: kubectl create secret docker-registry regcred-reg-example -n shop"
    " --docker-server=reg.example --docker-username=USER --docker-password=PASSWORD"
)
"""Where the secret holds what other images need, or cannot be made anew."""


CASES = [
    (
        Code.INVALID_REFERENCE,
        "scheme",
        told(
            "https://ghcr.io/acme/api:1",
            "not a valid image name: invalid reference format.",
            ": not a valid image name (invalid reference format)",
            "write image: ghcr.io/acme/api:1",
        ),
    ),
    (
        Code.INVALID_REFERENCE,
        "upper case",
        told(
            "acme/API:v1",
            "not a valid image name: invalid reference format: repository name (acme/API) must be lowercase.",
            ": not a valid image name (invalid reference format: repository name (acme/API) must be lowercase)",
            "write image: acme/api:v1",
        ),
    ),
    (
        Code.INVALID_REFERENCE,
        "beyond repair",
        told(
            "nginx::1",
            "not a valid image name: invalid reference format.",
            ": not a valid image name (invalid reference format)",
            "write it as [registry/]name[:tag][@sha256:digest], lower case, without a scheme and without blanks",
        ),
    ),
    (
        Code.IMAGE_NOT_FOUND,
        "tag, with the nearest",
        told(
            "ghcr.io/acme/api:1.4.2",
            "tag not found. Nearest tags: 1.4.1, 1.4.0.",
            " not found in registry",
            "write image: ghcr.io/acme/api:1.4.1, or push the missing tag",
            failure=Failure.NOT_FOUND,
            nearest=("1.4.1", "1.4.0"),
        ),
    ),
    (
        Code.IMAGE_NOT_FOUND,
        "repository",
        told(
            "ghcr.io/acme/api:1",
            "repository not found.",
            ": repository not found in registry",
            "correct the repository's name or push it: docker push ghcr.io/acme/api",
            failure=Failure.NOT_FOUND,
            absent=Absent.REPOSITORY,
        ),
    ),
    (
        Code.IMAGE_NOT_FOUND,
        "digest",
        told(
            f"ghcr.io/acme/api@{B}",
            "digest not found.",
            ": digest not found in registry",
            "choose one that exists: crane ls ghcr.io/acme/api",
            failure=Failure.NOT_FOUND,
            absent=Absent.DIGEST,
        ),
    ),
    (
        Code.IMAGE_NOT_FOUND,
        "which of them is not told",
        told(
            "us-docker.pkg.dev/p/r/i:1",
            "image not found.",
            " not found in registry",
            "choose one that exists: gcloud artifacts docker tags list us-docker.pkg.dev/p/r/i",
            failure=Failure.NOT_FOUND,
            absent=Absent.UNKNOWN,
        ),
    ),
    (
        Code.DENIED_OR_MISSING,
        "anonymous",
        told(
            "acme/api:1",
            "not found or no access without a login: the registry does not tell which.",
            " not found or no access (without a login)",
            "check the spelling; if it is private: kubectl create secret docker-registry regcred -n shop"
            " --docker-server=https://index.docker.io/v1/ --docker-username=USER --docker-password=TOKEN"
            "  # a Docker Hub access token: Account settings, Personal access tokens",
            failure=Failure.HIDDEN,
        ),
    ),
    (
        Code.DENIED_OR_MISSING,
        "with a login",
        told(
            "ghcr.io/acme/api:1",
            'not found or no access with secret "regcred": the registry does not tell which.',
            ' not found or no access (with secret "regcred")',
            "check the spelling of ghcr.io/acme/api; if it is private: use a GitHub token with read:packages, and give"
            " its owner read access to the package acme/api",
            failure=Failure.HIDDEN,
            secrets=[("regcred", USABLE, ("ghcr.io",), "", "pw")],
        ),
    ),
    (
        Code.UNAUTHORIZED,
        "one secret",
        told(
            "reg.example/db/migrate:9",
            '401 with secret "regcred".',
            ': 401 with secret "regcred"',
            "kubectl create secret docker-registry regcred -n shop --docker-server=reg.example"
            " --docker-username=USER --docker-password=PASSWORD --dry-run=client -o yaml | kubectl apply -f -",
            failure=Failure.LOGIN_REFUSED,
            secrets=[SECRET],
        ),
    ),
    (
        Code.UNAUTHORIZED,
        "the hosts it holds",
        told(
            "reg.example/a:1",
            '401 with secret "regcred" (for reg.example, quay.io).',
            ': 401 with secret "regcred"',
            BESIDE,
            failure=Failure.LOGIN_REFUSED,
            secrets=[TWO_HOSTS],
        ),
    ),
    (
        Code.UNAUTHORIZED,
        "no password",
        told(
            "reg.example/a:1",
            'login without a password in secret "regcred".',
            ': login without a password in secret "regcred"',
            "kubectl create secret docker-registry regcred -n shop --docker-server=reg.example"
            " --docker-username=USER --docker-password=PASSWORD --dry-run=client -o yaml | kubectl apply -f -",
            failure=Failure.LOGIN_WANTED,
            secrets=[("regcred", USABLE, ("reg.example",), "", "")],
        ),
    ),
    (
        Code.UNAUTHORIZED,
        "the node's own",
        told(
            "reg.example/a:1",
            "401 with provider ecr.",
            ": 401 with provider ecr",
            "docker login reg.example",
            failure=Failure.LOGIN_REFUSED,
            candidates=[PROVIDER],
        ),
    ),
    (
        Code.NO_PULL_SECRET,
        "harbor",
        told(
            "harbor.corp.example/team/app:1",
            'harbor.corp.example wants a login; neither the pod nor service account "default" has a pull secret for'
            " it.",
            ": harbor.corp.example wants a login, and no pull secret has one",
            "name it in imagePullSecrets: kubectl create secret docker-registry regcred -n shop"
            " --docker-server=harbor.corp.example --docker-username='robot$NAME' --docker-password=SECRET"
            "  # a Harbor robot account; keep the single quotes",
            failure=Failure.LOGIN_WANTED,
        ),
    ),
    (
        Code.FORBIDDEN,
        "login without access",
        told(
            "reg.example/a:1",
            '403 with secret "regcred": the login is known and has no access.',
            ': no access, 403 with secret "regcred"',
            "give the login pull access to a at reg.example",
            failure=Failure.FORBIDDEN,
            secrets=[SECRET],
        ),
    ),
    (
        Code.PLATFORM_MISMATCH,
        "index",
        told(
            "acme/api:1",
            "no image for linux/arm64, linux/s390x; it has linux/amd64.",
            " has no image for linux/arm64, linux/s390x",
            "docker buildx build --platform linux/amd64,linux/arm64,linux/s390x -t docker.io/acme/api:TAG --push ."
            "; or nodeSelector: {kubernetes.io/arch: amd64}",
            resolves=True,
            content=AMD64_INDEX,
            nodes={"platforms": frozenset({ARM64, S390X})},
        ),
    ),
    (
        Code.PLATFORM_MISMATCH,
        "as the command line demands",
        told(
            "acme/api:1",
            "no image for linux/arm64; it has linux/amd64.",
            " has no image for linux/arm64",
            "docker buildx build --platform linux/amd64,linux/arm64 -t docker.io/acme/api:TAG --push ."
            "; or nodeSelector: {kubernetes.io/arch: amd64}",
            resolves=True,
            content=AMD64_INDEX,
            demanded=(ARM64,),
        ),
    ),
    (
        Code.WRONG_ARCHITECTURE,
        "single manifest",
        told(
            "acme/api:1",
            "built for linux/amd64 only, nodes are linux/arm64: it is pulled and ends in exec format error.",
            " is built for linux/amd64, nodes are linux/arm64",
            "docker buildx build --platform linux/amd64,linux/arm64 -t docker.io/acme/api:TAG --push ."
            "; or nodeSelector: {kubernetes.io/arch: amd64}",
            resolves=True,
            content=AMD64_MANIFEST,
            nodes={"platforms": frozenset({ARM64})},
        ),
    ),
    (
        Code.PLATFORM_PARTIAL,
        "index",
        told(
            "acme/api:1",
            "no image for linux/arm64, where the pod may also land.",
            " has no image for linux/arm64, where the pod may also land",
            "docker buildx build --platform linux/amd64,linux/arm64 -t docker.io/acme/api:TAG --push ."
            "; or nodeSelector: {kubernetes.io/arch: amd64}",
            resolves=True,
            content=AMD64_INDEX,
            nodes={"platforms": frozenset({AMD64, ARM64})},
        ),
    ),
    (
        Code.PLATFORM_PARTIAL,
        "single manifest",
        told(
            "acme/api:1",
            "no image for linux/arm64, where the pod may also land.",
            " has no image for linux/arm64, where the pod may also land",
            "docker buildx build --platform linux/amd64,linux/arm64 -t docker.io/acme/api:TAG --push ."
            "; or nodeSelector: {kubernetes.io/arch: amd64}",
            resolves=True,
            content=AMD64_MANIFEST,
            nodes={"platforms": frozenset({AMD64, ARM64})},
        ),
    ),
    (
        Code.NOT_AN_IMAGE,
        "chart",
        told(
            "acme/chart:1",
            "not a runnable image: a Helm chart.",
            " is not a runnable image (a Helm chart)",
            "name the image itself: charts, signatures and other artifacts often lie beside it under another tag or"
            " path",
            resolves=True,
            content=CHART,
        ),
    ),
    (
        Code.NOT_AN_IMAGE,
        "schema 1, refused while resolving",
        told(
            "acme/old:1",
            "not a runnable image: schema 1 manifest.",
            " is not a runnable image (schema 1 manifest)",
            "rebuild the image with a current tool and push it again (skopeo copy --format oci converts it)",
            failure=Failure.NOT_AN_IMAGE,
            message="schema 1 manifest",
        ),
    ),
    (
        Code.NEVER_PULL_ABSENT,
        "no node has it",
        told(
            "acme/api:1",
            "imagePullPolicy is Never, and no node that the pod may land on lists the image.",
            ": imagePullPolicy is Never and no node lists it",
            "load the image onto the nodes, or set imagePullPolicy: IfNotPresent",
            pull=PullPolicy.NEVER,
            nodes={"known": True, "eligible": 2},
        ),
    ),
    (
        Code.CLUSTER_DNS_NAME,
        "service",
        told(
            "registry.kube-system.svc.cluster.local:5000/app:1",
            "registry.kube-system.svc.cluster.local is a name of the cluster's own zone: pods resolve it, nodes as a"
            " rule do not.",
            ": the registry's name is a cluster Service, which nodes do not resolve",
            "publish the registry under a name that the nodes resolve, or give containerd a hosts.toml for it",
            resolves=True,
        ),
    ),
    (
        Code.BROKEN_IMAGE,
        "layer",
        told(
            "reg.example/a:1",
            "the registry knows it, but a layer is gone.",
            " is broken: a layer is gone",
            "push the image again: docker push reg.example/a:1",
            resolves=True,
            content=replace(
                AMD64_MANIFEST,
                layers=(Descriptor(media_type="application/vnd.oci.image.layer.v1.tar+gzip", digest=A, size=1),),
                gone=(Digest("sha256:" + "c" * 64),),
            ),
        ),
    ),
    (
        Code.BROKEN_IMAGE,
        "manifest",
        told(
            "reg.example/a:1",
            "the registry knows it, but its manifest is gone (digest not found).",
            " is broken: its manifest is gone (digest not found)",
            "push the image again: docker push reg.example/a:1",
            failure=Failure.NOT_FOUND,
            found=True,
            message="digest not found",
        ),
    ),
    (
        Code.BROKEN_IMAGE,
        "index",
        told(
            "reg.example/a:1",
            "the registry knows it, but the manifest for linux/amd64 is gone.",
            " is broken: the manifest for linux/amd64 is gone",
            "push the image again: docker push reg.example/a:1",
            resolves=True,
            content=replace(AMD64_INDEX, gone=tuple(each.digest for each in AMD64_INDEX.manifests)),
            nodes={"platforms": frozenset({AMD64})},
        ),
    ),
    (
        Code.BROKEN_IMAGE,
        "config",
        told(
            "reg.example/a:1",
            "the registry knows it, but its config counts other layers than its manifest names.",
            " is broken: its config counts other layers than its manifest names",
            "push the image again: docker push reg.example/a:1",
            resolves=True,
            content=replace(
                AMD64_MANIFEST,
                layers=(Descriptor(media_type="application/vnd.oci.image.layer.v1.tar+gzip", digest=A, size=1),),
                counted=2,
            ),
        ),
    ),
    (
        Code.LATEST_TAG,
        "stated",
        told(
            "nginx:latest",
            f"mutable tag latest; now {A}.",
            " uses a mutable tag; pin a version or digest",
            f"pin what it is now: docker.io/library/nginx@{A}",
            resolves=True,
        ),
    ),
    (
        Code.LATEST_TAG,
        "implied, not asked",
        told(
            "nginx",
            "no tag, which means the mutable tag latest.",
            " uses a mutable tag (latest, as none is given); pin a version or digest",
            "name a version: docker.io/library/nginx:VERSION",
            unasked="offline",
        ),
    ),
    (
        Code.UNPINNED_DIGEST,
        "tag",
        told(
            "acme/api:1",
            "no digest.",
            " is not pinned by digest",
            f"write image: docker.io/acme/api:1@{A}",
            resolves=True,
        ),
    ),
    (
        Code.TAG_MOVED,
        "moved",
        told(
            f"acme/api:1@{A}",
            f"tag 1 points to {B} now, not to the digest beside it.",
            ": tag 1 no longer points to this digest",
            f"write image: docker.io/acme/api:1@{B}",
            resolves=True,
            tag_digest=B,
        ),
    ),
    (
        Code.PULL_SECRET_MISSING,
        "secret",
        told(
            "ghcr.io/acme/api:1.4.2",
            'secret "regcred" not found in namespace "shop".',
            ': secret "regcred" not found in namespace "shop"',
            "kubectl create secret docker-registry regcred -n shop --docker-server=ghcr.io --docker-username=USER"
            " --docker-password=TOKEN  # a GitHub token (classic) with read:packages",
            failure=Failure.HIDDEN,
            secrets=[("regcred", MISSING, (), "", "")],
        ),
    ),
    (
        Code.PULL_SECRET_MISSING,
        "two secrets, image public",
        told(
            "reg.example/a:1",
            'secrets "a", "b" not found in namespace "shop".',
            ': secrets "a", "b" not found in namespace "shop"',
            "kubectl create secret docker-registry a -n shop --docker-server=reg.example --docker-username=USER"
            " --docker-password=PASSWORD",
            resolves=True,
            secrets=[("a", MISSING, (), "", ""), ("b", MISSING, (), "", "")],
        ),
    ),
    (
        Code.PULL_SECRET_MISSING,
        "account",
        told(
            "reg.example/a:1",
            'service account "builder" not found in namespace "shop".',
            ': service account "builder" not found in namespace "shop"',
            "kubectl create serviceaccount builder -n shop",
            failure=Failure.LOGIN_WANTED,
            account="builder",
            account_missing=True,
        ),
    ),
    (
        Code.PULL_SECRET_MALFORMED,
        "auth",
        told(
            "reg.example/a:1",
            'secret "regcred" is malformed (illegal base64 data): it breaks every pull of the pod.',
            ': secret "regcred" is malformed, which breaks every pull of the pod',
            "kubectl create secret docker-registry regcred -n shop --docker-server=reg.example"
            " --docker-username=USER --docker-password=PASSWORD --dry-run=client -o yaml | kubectl apply -f -",
            secrets=[("regcred", SecretState.MALFORMED, (), "illegal base64 data", "")],
        ),
    ),
    *(
        (
            Code.PULL_SECRET_IGNORED,
            name,
            told(
                "reg.example/a:1",
                f'the kubelet ignores secret "regcred": {why}.',
                f': the kubelet ignores secret "regcred" ({why})',
                BESIDE if secret[1] is IGNORED else ANEW,
                resolves=True,
                secrets=[secret],
            ),
        )
        for name, secret, why in (
            ("type", ("regcred", IGNORED, (), "its type is Opaque", ""), "its type is Opaque"),
            ("unsaid", ("regcred", IGNORED, (), "", ""), "wrong type or key"),
            ("empty", ("regcred", USABLE, (), "", ""), "it has no entries"),
            (
                "identity token",
                ("regcred", USABLE, ("reg.example",), "", ""),
                "its entries have no password, at most an identity token",
            ),
        )
    ),
    (
        Code.PULL_SECRET_NO_MATCH,
        "other hosts",
        told(
            "reg.example/a:1",
            "no pull secret has an entry for reg.example; they hold quay.io, ghcr.io.",
            ": no pull secret is for reg.example, they hold quay.io, ghcr.io",
            BESIDE,
            failure=Failure.LOGIN_WANTED,
            offered=False,
            secrets=[("regcred", USABLE, ("quay.io", "ghcr.io"), "", "pw")],
        ),
    ),
    (
        Code.PULL_SECRET_NO_MATCH,
        "another port",
        told(
            "reg.example:5000/a:1",
            "no pull secret has an entry for reg.example:5000; they hold reg.example; of reg.example its port is not"
            " given, the image's 5000.",
            ": no pull secret is for reg.example:5000, they hold reg.example",
            "kubectl create secret docker-registry regcred -n shop --docker-server=reg.example:5000"
            " --docker-username=USER --docker-password=PASSWORD --dry-run=client -o yaml | kubectl apply -f -",
            failure=Failure.LOGIN_WANTED,
            offered=False,
            secrets=[SECRET],
        ),
    ),
    (
        Code.PULL_SECRET_NO_MATCH,
        "a name that never fits Docker Hub",
        told(
            "acme/api:1",
            "no pull secret has an entry for docker.io; they hold https://registry-1.docker.io/v2/;"
            " https://registry-1.docker.io/v2/ never fits, write https://index.docker.io/v1/.",
            ": no pull secret is for docker.io, they hold https://registry-1.docker.io/v2/",
            "kubectl create secret docker-registry regcred -n shop --docker-server=https://index.docker.io/v1/"
            " --docker-username=USER --docker-password=TOKEN --dry-run=client -o yaml | kubectl apply -f -"
            "  # a Docker Hub access token: Account settings, Personal access tokens",
            resolves=True,
            offered=False,
            secrets=[("regcred", USABLE, ("https://registry-1.docker.io/v2/",), "", "pw")],
        ),
    ),
    (
        Code.DOCKER_HUB_QUOTA_LOW,
        "few left",
        told(
            "nginx:1",
            "docker.io leaves 7 of 100 pulls in about 6 h.",
            ": few pulls are left at docker.io in this window",
            "pull with a login or through a mirror: kubectl create secret docker-registry regcred -n shop"
            " --docker-server=https://index.docker.io/v1/ --docker-username=USER --docker-password=TOKEN"
            "  # a Docker Hub access token: Account settings, Personal access tokens",
            resolves=True,
            quota=Quota(limit=100, remaining=7, window=21600),
        ),
    ),
    (
        Code.RATE_LIMITED,
        "429",
        told(
            "reg.example/a:1",
            "registry reg.example rate-limited us (429); resets in about 5 min",
            " not verified: registry reg.example rate-limited us (429)",
            "wait, or pull with a login or through a mirror: kubectl create secret docker-registry regcred -n shop"
            " --docker-server=reg.example --docker-username=USER --docker-password=PASSWORD",
            failure=Failure.RATE_LIMITED,
            retry_after=290.0,
        ),
    ),
    (
        Code.RATE_LIMITED,
        "nothing left",
        told(
            "reg.example/a:1",
            "registry reg.example has no pulls left for us; the limit is 100 pulls in about 6 h",
            " not verified: registry reg.example has no pulls left for us",
            "wait, or pull with a login or through a mirror: kubectl create secret docker-registry regcred -n shop"
            " --docker-server=reg.example --docker-username=USER --docker-password=PASSWORD",
            resolves=True,
            quota=Quota(limit=100, remaining=0, window=21600),
        ),
    ),
    *(
        (
            Code.REGISTRY_UNREACHABLE,
            failure.value,
            told(
                "reg.example/a:1",
                f"registry reg.example unreachable ({failure}): it failed",
                f" not verified: registry reg.example unreachable ({failure})",
                fix,
                failure=failure,
                message="it failed",
            ),
        )
        for failure, fix in (
            (Failure.DNS, "check the spelling of reg.example, and that it resolves: nslookup reg.example"),
            (
                Failure.CONNECT,
                "check that reg.example listens and that egress to it is allowed (NetworkPolicy, firewall)",
            ),
            (
                Failure.TLS,
                "see what answers there: openssl s_client -connect reg.example:443 -servername reg.example",
            ),
            (
                Failure.TIMEOUT,
                "check that egress to reg.example is allowed (NetworkPolicy, firewall), or raise network.timeout",
            ),
            (Failure.PROXY, "check HTTPS_PROXY and NO_PROXY for reg.example"),
        )
    ),
    *(
        (
            Code.REGISTRY_UNREACHABLE,
            f"tls, {words}",
            told(
                f"{name}/a:1",
                f"registry {name} unreachable (tls): {words}",
                f" not verified: registry {name} unreachable (tls)",
                fix,
                failure=Failure.TLS,
                message=f"https://{name} cannot be reached (tls): {words}",
            ),
        )
        for name, words, fix in (
            (
                "reg.example",
                "certificate signed by unknown authority",
                "give its CA: registries: [{match: reg.example, caFile: FILE}], and nodes theirs in hosts.toml",
            ),
            (
                "reg.example",
                "certificate has expired or is not yet valid",
                "renew the certificate of reg.example, and check the clocks; openssl s_client -connect reg.example:443"
                " -servername reg.example </dev/null | openssl x509 -noout -dates",
            ),
            (
                "reg.example:5000",
                "certificate is not valid for reg.example",
                "use a name that its certificate has, or have reg.example added to it; openssl s_client"
                " -connect reg.example:5000 -servername reg.example </dev/null | openssl x509 -noout -ext"
                " subjectAltName",
            ),
        )
    ),
    (
        Code.REGISTRY_UNREACHABLE,
        "a mirror",
        told(
            "reg.example/a:1",
            "registry reg.example unreachable (dns): https://mirror.example: no such host",
            " not verified: registry reg.example unreachable (dns)",
            "check the spelling of mirror.example, and that it resolves: nslookup mirror.example",
            failure=Failure.DNS,
            message="https://mirror.example cannot be reached (dns): no such host",
        ),
    ),
    (
        Code.REGISTRY_ERROR,
        "503",
        told(
            "reg.example/a:1",
            "registry reg.example failed: 503 Service Unavailable",
            " not verified: registry reg.example failed (503 Service Unavailable)",
            "look at the registry's state, then try again: crane digest reg.example/a:1",
            failure=Failure.SERVER_ERROR,
            message="503 Service Unavailable",
        ),
    ),
    (
        Code.NOT_A_REGISTRY,
        "HTML",
        told(
            "reg.example/a:1",
            "reg.example answers, but not as a registry: a page in HTML",
            " not verified: reg.example answers, but not as a registry",
            "correct host, port or path (plainHTTP for one without TLS), then: crane digest reg.example/a:1",
            failure=Failure.NOT_A_REGISTRY,
            message="a page in HTML",
        ),
    ),
    (
        Code.CREDENTIALS_UNAVAILABLE,
        "cloud",
        told(
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com/a:1",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com answered 401, and nodes may hold a login that we do not have",
            " not verified: 401, and nodes may hold a login that we do not have",
            "give Pullproof the nodes' credential provider: credentials.providers in its configuration",
            failure=Failure.LOGIN_WANTED,
        ),
    ),
    (
        Code.CREDENTIALS_UNAVAILABLE,
        "secret unreadable",
        told(
            "reg.example/a:1",
            'reg.example answered 401, and secret "regcred" could not be read: forbidden',
            ' not verified: 401, and secret "regcred" could not be read',
            "let Pullproof read it: kubectl auth can-i get secret/regcred -n shop"
            " --as=system:serviceaccount:NAMESPACE:ACCOUNT",
            failure=Failure.LOGIN_WANTED,
            secrets=[("regcred", SecretState.UNREADABLE, (), "forbidden", "")],
        ),
    ),
    (
        Code.CREDENTIALS_UNAVAILABLE,
        "account unreadable",
        told(
            "reg.example/a:1",
            'reg.example answered 401, and service account "builder" could not be read: forbidden',
            ' not verified: 401, and service account "builder" could not be read',
            "let Pullproof read it: kubectl auth can-i get serviceaccount/builder -n shop"
            " --as=system:serviceaccount:NAMESPACE:ACCOUNT",
            failure=Failure.LOGIN_WANTED,
            account="builder",
            account_unreadable="forbidden",
        ),
    ),
    (
        Code.CREDENTIALS_UNAVAILABLE,
        "provider failed",
        told(
            "reg.example/a:1",
            "reg.example answered 401, and a credential provider could not be asked",
            " not verified: 401, and a credential provider could not be asked",
            "mend the credential provider: exit status 1",
            failure=Failure.LOGIN_WANTED,
            provider_failed="exit status 1",
        ),
    ),
    (
        Code.NOT_VERIFIED,
        "out of time",
        told(
            "reg.example/a:1",
            "no answer from reg.example in time",
            " not verified: no answer from reg.example in time",
            "try again, or raise the webhook's timeoutSeconds",
            failure=Failure.OUT_OF_TIME,
        ),
    ),
    (
        Code.NOT_VERIFIED,
        "address refused",
        told(
            "reg.example/a:1",
            "the checker does not connect to this address: 169.254.169.254 is link-local",
            " not verified: the checker does not connect to this address",
            "allow the address with network.allow",
            failure=Failure.ADDRESS_REFUSED,
            message="169.254.169.254 is link-local",
        ),
    ),
]


@pytest.mark.parametrize(
    ("code", "case"), [pytest.param(code, case, id=f"{code}: {name}") for code, name, case in CASES]
)
def test_finding(code: Code, case: Any, evidence: Make, find: Find) -> None:
    image, facts, message, brief, fix = case
    finding = find(code, evidence(image, **facts))
    assert finding is not None
    assert (finding.message, finding.brief, finding.fix) == (message, brief, fix)


def test_every_code_is_here() -> None:
    assert {code for code, _, _ in CASES} == set(Code)
