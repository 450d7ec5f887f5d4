"""How one registry differs from the others, as data, and the registries of the world (pure).

What a node sees of a registry is its challenge, its token service, and what it says to those who may not read and about
what is not there. Each row states what is known of it; where nothing firm is known, the plainest answer that fits the
distribution-spec. Sources: Docker's docs on pulls; containerd's authorizer and its issues; the registries' own answers
as quoted in issues of public projects.
"""

from enum import StrEnum
from typing import Final

import msgspec

from webhook.demo.answer import Answer, refusal


class Scheme(StrEnum):
    """How a registry wants to be logged in to."""

    OPEN = "open"
    BASIC = "basic"
    BEARER = "bearer"


class Hides(StrEnum):
    """From whom a registry hides that a repository does not exist."""

    NOBODY = "nobody"
    STRANGERS = "strangers"
    ALL = "all"


class Personality(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One registry's manners.

    Challenge: `realm`, `service` and `scope` ("" leaves it out). `unauthorized` answers who brings nothing.
    Token service: `post_status` other than 200 refuses the password grant (clients then GET with Basic); `token_keys`
    are the reply's fields; `bad_login` answers a wrong login (for Basic: at the registry itself); `anonymous_refused`
    and `known_refused` answer who may not read, None grants a token without access instead.
    At the manifest: `no_access` answers such a token (or login); its challenge says `access_error` where that is set.
    `hides_missing`: from whom an absent repository is hidden, answered like one that may not be read.
    Quirks: `head_status` other than 200 refuses every HEAD; `digest_header` False leaves it out of HEAD answers;
    `manifest_redirect` and `blob_redirect` are URLs with `$path`; `page` is how many tags one page holds.
    """

    scheme: Scheme = Scheme.OPEN
    realm: str = "https://$host/token"
    service: str = "$host"
    scope: str = "repository:$name:pull"
    unauthorized: Answer = refusal(401, "UNAUTHORIZED", "authentication required")
    post_status: int = 200
    token_keys: tuple[str, ...] = ("token", "access_token")
    bad_login: Answer = refusal(401, "UNAUTHORIZED", "incorrect username or password")
    anonymous_refused: Answer | None = None
    known_refused: Answer | None = None
    no_access: Answer = refusal(401, "UNAUTHORIZED", "authentication required")
    access_error: str = "insufficient_scope"
    hides_missing: Hides = Hides.NOBODY
    missing_repository: Answer = refusal(404, "NAME_UNKNOWN", "repository name not known to registry")
    missing_manifest: Answer = refusal(404, "MANIFEST_UNKNOWN", "manifest unknown")
    missing_blob: Answer = refusal(404, "BLOB_UNKNOWN", "blob unknown to registry")
    head_status: int = 200
    digest_header: bool = True
    manifest_redirect: str = ""
    blob_redirect: str = ""
    page: int = 100


_NO_BODY = Answer(status=401)

_QUAY_REFUSAL = refusal(401, "UNAUTHORIZED", "access to the requested resource is not authorized", {})
_HARBOR_REFUSAL = refusal(
    401,
    "UNAUTHORIZED",
    "unauthorized to access repository: $name, action: pull: unauthorized to access repository: $name",
)
_ACR_REFUSAL = refusal(
    401, "UNAUTHORIZED", "authentication required, visit https://aka.ms/acr/authorization for more information."
)
_GAR_REFUSAL = refusal(
    403,
    "DENIED",
    'Permission "artifactregistry.repositories.downloadArtifacts" denied on resource "$name" (or it may not exist)',
)
_HUB_SCOPE = [{"Type": "repository", "Class": "", "Name": "$name", "Action": "pull"}]

PERSONALITIES: Final[dict[str, Personality]] = {
    "open": Personality(),
    "basic": Personality(scheme=Scheme.BASIC, realm="registry", service=""),
    "bearer": Personality(scheme=Scheme.BEARER),
    # Grants a token for anything; private and absent repositories alike get 401 with error="insufficient_scope".
    "docker.io": Personality(
        scheme=Scheme.BEARER,
        realm="https://auth.docker.io/token",
        service="registry.docker.io",
        unauthorized=refusal(401, "UNAUTHORIZED", "authentication required", _HUB_SCOPE),
        bad_login=Answer(
            status=401,
            headers={"Content-Type": "application/json"},
            body='{"details":"incorrect username or password"}',
        ),
        no_access=refusal(401, "UNAUTHORIZED", "authentication required", _HUB_SCOPE),
        hides_missing=Hides.ALL,
        missing_manifest=refusal(404, "MANIFEST_UNKNOWN", "manifest unknown", "unknown tag=$reference"),
    ),
    # The token service itself says DENIED, to strangers and to logins that it does not accept.
    "ghcr.io": Personality(
        scheme=Scheme.BEARER,
        post_status=405,
        bad_login=refusal(403, "DENIED", "denied"),
        anonymous_refused=refusal(403, "DENIED", "requested access to the resource is denied"),
        known_refused=refusal(403, "DENIED", "requested access to the resource is denied"),
        hides_missing=Hides.ALL,
    ),
    # A login that has expired (12 hours) and one without permission are both 403; only no login at all is 401.
    "ecr": Personality(
        scheme=Scheme.BASIC,
        realm="https://$host/",
        service="ecr.amazonaws.com",
        unauthorized=Answer(status=401, headers={"Content-Type": "text/plain; charset=utf-8"}, body="Not Authorized\n"),
        bad_login=refusal(403, "DENIED", "Your authorization token has expired. Reauthenticate and try again."),
        no_access=refusal(
            403, "DENIED", "User: $user is not authorized to perform: ecr:BatchGetImage on resource: $name"
        ),
        missing_repository=refusal(
            404, "NAME_UNKNOWN", "The repository with name '$name' does not exist in the registry"
        ),
        missing_manifest=refusal(404, "MANIFEST_UNKNOWN", "Requested image not found"),
    ),
    "public.ecr.aws": Personality(
        scheme=Scheme.BEARER,
        realm="https://$host/token/",
        scope="aws",
        post_status=404,
        bad_login=refusal(403, "DENIED", "Your authorization token has expired. Reauthenticate and try again."),
        missing_repository=refusal(404, "NAME_UNKNOWN", "The repository with name '$name' does not exist"),
        digest_header=False,
    ),
    # Artifact Registry hides absence from strangers at the token service and from known users at the manifest.
    "gar": Personality(
        scheme=Scheme.BEARER,
        realm="https://$host/v2/token",
        post_status=404,
        anonymous_refused=_GAR_REFUSAL,
        no_access=_GAR_REFUSAL,
        access_error="",
        hides_missing=Hides.ALL,
        missing_manifest=refusal(404, "MANIFEST_UNKNOWN", 'Failed to fetch "$reference"'),
    ),
    "gcr.io": Personality(
        scheme=Scheme.BEARER,
        realm="https://$host/v2/token",
        post_status=404,
        no_access=_GAR_REFUSAL,
        access_error="",
        hides_missing=Hides.ALL,
        missing_manifest=refusal(404, "MANIFEST_UNKNOWN", 'Failed to fetch "$reference"'),
    ),
    "acr": Personality(
        scheme=Scheme.BEARER,
        realm="https://$host/oauth2/token",
        unauthorized=_ACR_REFUSAL,
        post_status=400,
        token_keys=("access_token",),
        bad_login=_ACR_REFUSAL,
        anonymous_refused=_ACR_REFUSAL,
        known_refused=_ACR_REFUSAL,
        hides_missing=Hides.STRANGERS,
        missing_manifest=refusal(
            404, "MANIFEST_UNKNOWN", 'manifest tagged by "$reference" is not found', {"Tag": "$reference"}
        ),
    ),
    # Quay and Harbor grant a token without access, then refuse it with a challenge that says no error=.
    "quay.io": Personality(
        scheme=Scheme.BEARER,
        realm="https://$host/v2/auth",
        unauthorized=_QUAY_REFUSAL,
        post_status=405,
        bad_login=refusal(401, "UNAUTHORIZED", "Could not find robot with specified username"),
        no_access=_QUAY_REFUSAL,
        access_error="",
        hides_missing=Hides.ALL,
        missing_manifest=refusal(404, "MANIFEST_UNKNOWN", "manifest unknown", {}),
    ),
    "harbor": Personality(
        scheme=Scheme.BEARER,
        realm="https://$host/service/token",
        service="harbor-registry",
        unauthorized=_HARBOR_REFUSAL,
        post_status=405,
        bad_login=refusal(401, "UNAUTHORIZED", "unauthorized"),
        no_access=_HARBOR_REFUSAL,
        access_error="",
        hides_missing=Hides.STRANGERS,
        missing_manifest=refusal(404, "NOT_FOUND", "artifact $name:$reference not found"),
    ),
    # The realm is on GitLab's own host.
    "gitlab": Personality(
        scheme=Scheme.BEARER,
        realm="https://gitlab.com/jwt/auth",
        service="container_registry",
        post_status=404,
        bad_login=refusal(401, "UNAUTHORIZED", "HTTP Basic: Access denied"),
        anonymous_refused=refusal(403, "DENIED", "access forbidden"),
        known_refused=refusal(403, "DENIED", "access forbidden"),
        hides_missing=Hides.STRANGERS,
    ),
    # The realm names a port and a path of its own, the password grant is answered 401 though the login is right.
    "artifactory": Personality(
        scheme=Scheme.BEARER,
        realm="https://$host:443/artifactory/api/docker/docker-hub/v2/token",
        service="$host:443",
        post_status=401,
        anonymous_refused=_NO_BODY,
        no_access=refusal(
            403, "UNAUTHORIZED", "The client does not have permission for manifest", {"manifest": "$name/$reference"}
        ),
        access_error="",
        missing_manifest=refusal(404, "MANIFEST_UNKNOWN", "The named manifest is not known to the registry."),
    ),
    "artifactory-basic": Personality(
        scheme=Scheme.BASIC,
        realm="Artifactory Realm",
        service="",
        no_access=refusal(
            403, "UNAUTHORIZED", "The client does not have permission for manifest", {"manifest": "$name/$reference"}
        ),
        missing_manifest=refusal(404, "MANIFEST_UNKNOWN", "The named manifest is not known to the registry."),
    ),
    # Everything is fetched from a regional backend.
    "registry.k8s.io": Personality(
        manifest_redirect="https://us-west1-docker.pkg.dev$path", blob_redirect="https://us-west1-docker.pkg.dev$path"
    ),
    "mcr.microsoft.com": Personality(blob_redirect="https://eastus.data.mcr.microsoft.com$path"),
    "registry.redhat.io": Personality(
        scheme=Scheme.BEARER,
        realm="https://$host/auth/realms/rhcc/protocol/redhat-docker-v2/auth",
        service="docker-registry",
        post_status=404,
        bad_login=refusal(
            401, "UNAUTHORIZED", "Please login to the Red Hat Registry using your Customer Portal credentials."
        ),
        anonymous_refused=refusal(401, "UNAUTHORIZED", "Please login to the Red Hat Registry."),
        digest_header=False,
    ),
    # Answers GET only.
    "docker.pkg.github.com": Personality(head_status=405),
}
