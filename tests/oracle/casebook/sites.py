"""The registries that the cases speak of, under their real names (pure)."""

import re
from typing import Any

from webhook.demo.site import Site

USERS = {"bob": "s3cret", "eve": "s3cret"}
"""bob may read private repositories; eve is known and may not (`readers=("bob",)`)."""

HUB = "registry-1.docker.io"
ECR = "123456789012.dkr.ecr.us-east-1.amazonaws.com"


def _site(personality: str, *hosts: str, **site: Any) -> Site:
    return Site(hosts=hosts or (personality,), personality=personality, users=USERS, **site)


SITES = (
    _site("open", "open.test"),
    _site("basic", "secrets.test"),
    _site("open", "challenge.test"),
    _site("basic", "basic.test"),
    _site("bearer", "bearer.test"),
    _site("docker.io", "registry-1.docker.io"),
    _site("ghcr.io"),
    _site("ecr", ECR),
    _site("ecr", ECR.replace("us-east", "eu-west")),
    _site("public.ecr.aws"),
    _site("gar", "europe-docker.pkg.dev"),
    _site("gar", "us-docker.pkg.dev"),
    _site("gcr.io"),
    _site("acr", "acme.azurecr.io"),
    _site("acr", "dtestcontainer.azurecr.io"),
    _site("acr", "myacr.azurecr.io"),
    _site("quay.io"),
    _site("harbor", "harbor.test"),
    _site("gitlab", "registry.gitlab.com"),
    _site("artifactory", "artifactory.test"),
    _site("artifactory-basic", "artifactory-basic.test"),
    _site("registry.k8s.io"),
    Site(hosts=("us-west1-docker.pkg.dev",), backs="registry.k8s.io"),
    _site("mcr.microsoft.com"),
    Site(hosts=("eastus.data.mcr.microsoft.com",), backs="mcr.microsoft.com"),
    _site("registry.redhat.io"),
    _site("docker.pkg.github.com"),
)

KNOWN = frozenset(host for site in SITES for host in site.hosts) | {"docker.io", "auth.docker.io", "gitlab.com"}


def host_of(registry: str) -> str:
    """Return a registry's name without the port, as the world knows it."""
    host = re.sub(r":\d+$", "", registry).lower()
    return HUB if host == "docker.io" else host


def other_site(registry: str) -> tuple[Site, ...]:
    """Return a plain registry of a name, or nothing where one of the world's answers to it."""
    host = host_of(registry)
    return () if host in KNOWN else (Site(hosts=(host,), personality="basic"),)
