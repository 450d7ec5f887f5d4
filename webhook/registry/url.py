"""An absolute http or https URL that can be read in one way only (pure).

Realms, redirects and `Link` headers are written by strangers. Two parsers that disagree about one text are how a login
reaches the wrong host, so there is one parser, it takes less than RFC 3986 allows, and what it took apart is what the
request is made of:

    url    := ("http" | "https") "://" host [":" digits] [("/" | "?") printable ASCII]
    host   := 1*(letter | digit | "." | "-" | "_") | "[" IPv6 "]"

No user info, no backslash before the path, no other character in the host (percent signs and other scripts included).
In the path and query, whatever is not printable ASCII is percent-encoded as UTF-8; a fragment is dropped.
"""

import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote, urljoin

_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?P<port>[0-9]+))?(?P<target>[/?][^\ud800-\udfff]*)?",
    re.ASCII | re.IGNORECASE | re.DOTALL,
)
_KEPT = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"<>\\^`{|}')
_DEFAULT_PORT = {"http": 80, "https": 443}
_LONGEST = 8192


class InvalidUrl(ValueError):
    """The text is not an absolute http or https URL in the form above."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Url:
    """One URL. `host` as written (IPv6 in brackets), `port` None when absent, `target` path and query."""

    scheme: str
    host: str
    port: int | None
    target: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raise `InvalidUrl` unless `text` is such a URL."""
        match = _URL.fullmatch(text.partition("#")[0]) if len(text) <= _LONGEST else None
        if match is None:
            raise InvalidUrl(f"{text[:100]!r} is not a plain http or https URL")
        if match["port"] and (len(match["port"]) > 5 or int(match["port"]) > 65535):
            raise InvalidUrl(f"address {match['port'][:20]}: invalid port")
        return cls(
            scheme=match["scheme"].lower(),
            host=match["host"],
            port=int(match["port"]) if match["port"] else None,
            target=quote(match["target"] or "", safe=_KEPT),
        )

    @property
    def origin(self) -> str:
        """Scheme, host and port in one form: two URLs of one origin are served by one server."""
        port = "" if self.port in (None, _DEFAULT_PORT[self.scheme]) else f":{self.port}"
        return f"{self.scheme}://{self.host.lower()}{port}"

    @property
    def query(self) -> str:
        """The query without its question mark."""
        return self.target.partition("?")[2]

    @property
    def path(self) -> str:
        """The path; "/" when there is none."""
        return self.target.partition("?")[0] or "/"

    def with_query(self, query: str) -> Self:
        """Return the same URL with another query."""
        target = self.target.partition("?")[0] + (f"?{query}" if query else "")
        return type(self)(scheme=self.scheme, host=self.host, port=self.port, target=target)

    def join(self, location: str) -> Self:
        """Return what `location` means seen from here; raise `InvalidUrl`."""
        try:
            joined = urljoin(str(self), location)
        except ValueError as error:
            raise InvalidUrl(f"{location[:100]!r} is not a URL") from error
        return type(self).parse(joined)

    def __str__(self) -> str:
        port = "" if self.port is None else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}{self.target}"
