"""Each registry of the world x what one may ask of it, with every kind of login (pure).

Regular: a situation says what the registry holds and what the pod brings; the expectation follows from the registry's
manners.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from case import Case, holding, login

from casebook.sites import ECR


@dataclass(frozen=True)
class Registry:
    """A registry as images name it. `logins_only`: it has no public repositories."""

    key: str
    name: str
    host: str = ""
    login_host: str = ""
    logins_only: bool = False
    public_only: bool = False
    path: str = "acme/{}"


REGISTRIES = (
    Registry("open", "open.test", public_only=True),
    Registry("basic", "basic.test"),
    Registry("bearer", "bearer.test"),
    Registry("hub", "docker.io", host="registry-1.docker.io", login_host="https://index.docker.io/v1/"),
    Registry("ghcr", "ghcr.io"),
    Registry("ecr", ECR, logins_only=True),
    Registry("ecr-public", "public.ecr.aws", public_only=True),
    Registry("gar", "europe-docker.pkg.dev", path="acme/repo/{}"),
    Registry("gcr", "gcr.io"),
    Registry("acr", "acme.azurecr.io", path="{}"),
    Registry("quay", "quay.io"),
    Registry("harbor", "harbor.test"),
    Registry("gitlab", "registry.gitlab.com", path="acme/group/{}"),
    Registry("artifactory", "artifactory.test"),
    Registry("artifactory-basic", "artifactory-basic.test"),
    Registry("k8s", "registry.k8s.io", public_only=True),
    Registry("mcr", "mcr.microsoft.com", public_only=True),
    Registry("redhat", "registry.redhat.io"),
    Registry("ghpkg", "docker.pkg.github.com", public_only=True),
)


@dataclass(frozen=True)
class Situation:
    """What is asked, with which login; `brings`: None for nothing, else user and password."""

    key: str
    says: str
    runs: bool
    public: bool = True
    there: bool = True
    tag: str = "1"
    by_digest: bool = False
    brings: tuple[str, str] | None = None

    @property
    def shape(self) -> str:
        """Return the login's shape, a column of the table of cells."""
        return {None: "none", GOOD: "good", WRONG: "wrong", OTHER: "no access"}[self.brings]


GOOD, WRONG, OTHER = ("bob", "s3cret"), ("bob", "no"), ("eve", "s3cret")

SITUATIONS = (
    Situation("public", "a public image, nobody logged in", True),
    Situation("public-digest", "a public image by digest", True, by_digest=True),
    Situation("public-good", "a public image with a good login", True, brings=GOOD),
    Situation("public-bad", "a public image with a wrong login: no anonymous try after it", False, brings=WRONG),
    Situation("no-tag", "a tag that a public repository does not have", False, tag="2"),
    Situation("no-repo", "a repository that does not exist, nobody logged in", False, there=False),
    Situation("no-repo-good", "a repository that does not exist, with a good login", False, there=False, brings=GOOD),
    Situation("private", "a private image, nobody logged in", False, public=False),
    Situation("private-good", "a private image with a good login", True, public=False, brings=GOOD),
    Situation(
        "private-digest", "a private image by digest with a good login", True, public=False, by_digest=True, brings=GOOD
    ),
    Situation("private-bad", "a private image with a wrong login", False, public=False, brings=WRONG),
    Situation("private-other", "a private image with a login that may not read it", False, public=False, brings=OTHER),
    Situation(
        "private-no-tag", "a tag that a private repository does not have", False, public=False, tag="2", brings=GOOD
    ),
)


def cases() -> Iterator[Case]:
    for registry in REGISTRIES:
        for situation in SITUATIONS:
            if registry.public_only and not situation.public:
                continue
            if registry.logins_only and situation.public and situation.there:
                continue
            yield _case(registry, situation)


def _case(registry: Registry, situation: Situation) -> Case:
    id_ = f"{registry.key}-{situation.key}"
    path = registry.path.format(id_)
    image = f"{registry.name}/{path}"
    held = holding(
        f"{image}:1", host=registry.host, public=situation.public, readers=None if situation.public else ("bob",)
    )
    return Case(
        id=id_,
        says=f"{registry.name}: {situation.says}",
        image=image + ("@{digest}" if situation.by_digest else f":{situation.tag}"),
        runs=situation.runs or _asks_nobody(registry, situation),
        secrets=(login(registry.login_host or registry.name, *situation.brings),) if situation.brings else (),
        holds=(held,) if situation.there else (),
        cell=(registry.key, situation.shape),
    )


def _asks_nobody(registry: Registry, situation: Situation) -> bool:
    """Tell whether a wrong login is never shown, because the registry asks for none before a public image."""
    asks_none = ("open", "basic", "artifactory-basic", "k8s", "mcr", "ghpkg")
    return situation.key == "public-bad" and registry.key in asks_none
