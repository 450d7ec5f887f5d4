"""The text that a node shows for a failure, as far as it can be known from here (pure).

People search for what `kubectl describe pod` prints. Every text is what containerd puts after "failed to resolve
image: ".

Source: containerd core/remotes/docker (resolver.go, authorizer.go, errcode.go), core/remotes/errors, and Go's net/http.
"""

from urllib.parse import parse_qsl, urlencode

from webhook.image.reference import Reference
from webhook.registry import ocierror
from webhook.registry.answer import Answer
from webhook.registry.token import Grant
from webhook.registry.url import Url

DENIED = "pull access denied, repository does not exist or may require authorization: "
NO_BASIC = f"{DENIED}authorization failed: no basic auth credentials"
NO_REALM = "no realm specified for token auth challenge"
NO_HOSTS = "no resolve hosts: not found"

_VERBS = {"GET": "Get", "HEAD": "Head", "POST": "Post"}


def name(reference: Reference) -> str:
    """Return the reference as containerd prints it: a digest drops the tag."""
    separator, identifier = ("@", reference.digest) if reference.digest else (":", reference.identifier)
    return f"{reference.name}{separator}{identifier}"


def not_found(reference: Reference) -> str:
    """Say that it is not there."""
    return f"{name(reference)}: not found"


def too_large(reference: Reference, size: int) -> str:
    """Say that a manifest is over the limit."""
    return f"rejecting {size} byte manifest for {name(reference)}: not found"


def unexpected_status(answer: Answer, *, explained_by: Answer | None = None) -> str:
    """Say what status was not expected; `explained_by`: the GET that is made to read the reason of a 403."""
    line = f"unexpected status from {answer.method} request to {answer.url}: {answer.status_line}"
    body = (explained_by or answer).body
    return "\n".join(part for part in (line, ocierror.as_containerd_prints(ocierror.decode(body))) if part)


def refused_after_token(error: str) -> str:
    """Say why a token was refused, where the registry told."""
    return f"{DENIED}server message: {ocierror.clean(error, 64)}: authorization failed"


def schema1(media_type: str, docker: str, oci: str) -> str:
    """Say that a schema 1 manifest was read while resolving."""
    return (
        f'not implemented: media type "{media_type}" is no longer supported since containerd v2.0, please rebuild the '
        f'image as "{docker}" or "{oci}"'
    )


def bad_digest(header: str, reason: str) -> str:
    """Say that a Docker-Content-Digest is none."""
    return f'"{ocierror.clean(header, 100)}" in header not a valid digest: {reason}'


def absent_content(url: Url) -> str:
    """Say of a manifest that its digest is not there."""
    return f"content at {url} not found: not found"


def not_fetched(why: str) -> str:
    """Say of a descriptor that resolved why it is not fetched."""
    return f"failed to copy: httpReadSeeker: failed open: {why}"


def no_answer(method: str, url: Url, cause: str) -> str:
    """Say that nobody answered a request to the registry; `cause` in Go's words."""
    return f"failed to do request: {_failed(method, url, cause)}"


def no_token_answer(method: str, url: Url, cause: str, grant: Grant) -> str:
    """Say that nobody answered a request to the token service."""
    return _token(grant, _failed(method, url, cause))


def token_status(answer: Answer, grant: Grant) -> str:
    """Say what a token service answered; its body is never shown."""
    return _token(grant, f"unexpected status from {answer.method} request to {answer.url}: {answer.status_line}")


def token_undecoded(text: str, grant: Grant) -> str:
    """Say that a token service's answer holds no token."""
    return _token(grant, text)


def _token(grant: Grant, text: str) -> str:
    kind = "anonymous" if grant is Grant.ANONYMOUS else "oauth"
    return f"failed to authorize: failed to fetch {kind} token: {text}"


def _failed(method: str, url: Url, cause: str) -> str:
    """Go's url.Error; the CRI server redacts the values of a query in it."""
    values = parse_qsl(url.query, keep_blank_values=True)
    redacted = url.with_query(urlencode(sorted({(name, "[REDACTED]") for name, _ in values})))
    return f'{_VERBS.get(method, method)} "{redacted}": {cause}'
