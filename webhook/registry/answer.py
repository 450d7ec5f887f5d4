"""One question to a registry and its bounded answer, as values (pure)."""

from dataclasses import dataclass, field

from webhook.registry.url import Url

Headers = tuple[tuple[str, str], ...]

_PAGES = ("text/html", "application/xhtml+xml", "text/xml", "application/xml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request. `limit`: bytes of body that are of interest, at most; `form` is sent as the body.

    `private` headers (a login, the operator's own) are for the origin of `url` alone, whatever it redirects to.
    """

    method: str
    url: Url
    headers: Headers = ()
    private: Headers = field(default=(), repr=False)
    form: str | None = field(default=None, repr=False)
    limit: int = 0

    @property
    def authorized(self) -> bool:
        """True when a login or token goes with it."""
        return any(name == "authorization" for name, _ in self.private)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer, decompressed. `phrase` is the server's own words; `truncated`: the body went on past the limit.

    `redirected`: another origin answers than was asked; `withheld`: it was not given the login that the other was.
    """

    method: str
    url: Url
    status: int
    phrase: str = ""
    headers: Headers = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)
    truncated: bool = False
    redirected: bool = False
    withheld: bool = False

    def values(self, name: str) -> tuple[str, ...]:
        """Return every value of a header, in order; `name` in lower case."""
        return tuple(value for each, value in self.headers if each == name)

    def header(self, name: str) -> str:
        """Return the first value of a header, or ""."""
        return next((value for each, value in self.headers if each == name), "")

    @property
    def media_type(self) -> str:
        """The content type, parameters cut, as containerd reads it."""
        return self.header("content-type").partition(";")[0].strip()

    @property
    def length(self) -> int | None:
        """What Content-Length says, None when it is absent or says nothing."""
        text = self.header("content-length").strip()
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None

    @property
    def is_page(self) -> bool:
        """True for a page meant for a person (a firewall, a portal, a web server), not for a registry's client."""
        return self.media_type.lower() in _PAGES or (self.body.lstrip()[:1] == b"<")

    @property
    def status_line(self) -> str:
        """The status as Go prints it: number and the server's words."""
        return f"{self.status} {self.phrase}".strip()
