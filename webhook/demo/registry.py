"""One registry: from a request of the v2 API to its answer (no I/O)."""

import json
import re
from urllib.parse import quote, urlsplit

import msgspec

from webhook.demo.answer import JSON, Answer, Request, refusal
from webhook.demo.gate import Gate
from webhook.demo.images import Content
from webhook.demo.personality import Scheme
from webhook.demo.site import Quota, Site
from webhook.demo.store import Store

_PATH = re.compile(r"/v2/(?P<name>.+)/(?P<kind>manifests|blobs|tags)/(?P<reference>[^/]+)")
_NOT_FOUND = Answer(status=404, headers={"Content-Type": "text/plain; charset=utf-8"}, body="404 page not found\n")
_LIMIT_REACHED = refusal(
    429,
    "TOOMANYREQUESTS",
    "You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit",
)


class Registry:
    """Answers for one site, out of its own store or that of the registry which it backs."""

    def __init__(self, site: Site, store: Store | None = None) -> None:
        self.site = site
        self.store = Store(site) if store is None else store
        self.quota = site.quota
        self._manners = site.manners
        self._gate = Gate(site, self.store)

    def answer(self, request: Request) -> Answer:
        """Answer one request."""
        names = {"host": request.authority, "path": request.path}
        if self._is_realm(request):
            return self._gate.token(request).filled(names)
        path = _PATH.fullmatch(request.path)
        if path is None:
            return self._ping(request).filled(names)
        name, reference = path["name"], path["reference"]
        answer = self._gate.refusal(request, name) or self._content(request, path["kind"], name, reference)
        return answer.filled(names | {"name": name, "reference": reference})

    def realm(self, authority: str) -> tuple[str, str]:
        """Return the authority and path of the token service, as this registry's challenges name it."""
        url = urlsplit(self._manners.realm.replace("$host", authority))
        return url.netloc, url.path

    def _is_realm(self, request: Request) -> bool:
        return self._manners.scheme is Scheme.BEARER and request.path == self.realm(request.authority)[1]

    def _ping(self, request: Request) -> Answer:
        if request.path.rstrip("/") != "/v2":
            return _NOT_FOUND
        return self._gate.refusal(request, "") or Answer(headers={"Content-Type": JSON}, body="{}")

    def _content(self, request: Request, kind: str, name: str, reference: str) -> Answer:
        if self.store.repository(name) is None:
            return self._manners.missing_repository
        match kind:
            case "manifests":
                return self._manifest(request, name, reference)
            case "blobs":
                return self._blob(name, reference)
            case _:
                return self._tags(request, name) if reference == "list" else _NOT_FOUND

    def _manifest(self, request: Request, name: str, reference: str) -> Answer:
        manners = self._manners
        if manners.manifest_redirect:
            return Answer(status=307, headers={"Location": manners.manifest_redirect})
        if request.method == "HEAD" and manners.head_status != 200:
            return Answer(status=manners.head_status)
        limited = self._count(request)
        if self.quota is not None and limited:
            return msgspec.structs.replace(_LIMIT_REACHED, headers=_LIMIT_REACHED.headers | _quota_headers(self.quota))
        content = self.store.manifest(name, reference)
        if content is None:
            return manners.missing_manifest
        headers = _content_headers(content)
        if request.method == "HEAD" and not manners.digest_header:
            del headers["Docker-Content-Digest"]
        return Answer(headers=headers | (_quota_headers(self.quota) if self.quota else {}), data=content.data)

    def _count(self, request: Request) -> bool:
        """Take one pull from the quota for a GET; tell whether none was left."""
        if self.quota is None or request.method != "GET":
            return False
        if self.quota.remaining == 0:
            return True
        self.quota = msgspec.structs.replace(self.quota, remaining=self.quota.remaining - 1)
        return False

    def _blob(self, name: str, digest: str) -> Answer:
        content = self.store.blob(name, digest)
        if content is None:
            return self._manners.missing_blob
        if self._manners.blob_redirect:
            return Answer(status=307, headers={"Location": self._manners.blob_redirect})
        return Answer(headers=_content_headers(content), data=content.data)

    def _tags(self, request: Request, name: str) -> Answer:
        size = request.parameter("n")
        page = min(int(size), self._manners.page) if size.isdecimal() else self._manners.page
        tags = [tag for tag in self.store.tags(name) if tag > request.parameter("last")]
        headers = {"Content-Type": JSON}
        if len(tags) > page > 0:
            headers["Link"] = f'</v2/{name}/tags/list?n={page}&last={quote(tags[page - 1])}>; rel="next"'
        return Answer(headers=headers, body=json.dumps({"name": name, "tags": tags[:page]}))


def _content_headers(content: Content) -> dict[str, str]:
    return {"Content-Type": content.media_type, "Docker-Content-Digest": content.digest}


def _quota_headers(quota: Quota) -> dict[str, str]:
    return {
        "ratelimit-limit": f"{quota.limit};w={quota.window}",
        "ratelimit-remaining": f"{quota.remaining};w={quota.window}",
        "docker-ratelimit-source": "192.0.2.1",
    }
