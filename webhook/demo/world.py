"""All registries of one script, with what goes wrong between them and their clients (no I/O).

`World` routes a request by its Host to a site, or to the site whose challenges name that host as their token service,
applies the rules, and keeps a record of what was asked.
"""

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from webhook.demo.answer import Answer, Auth, Request
from webhook.demo.registry import Registry
from webhook.demo.site import Certificate, Rule, Site
from webhook.demo.store import Store


class Transport(StrEnum):
    """What a listener speaks."""

    TLS = "tls"
    PLAIN = "plain"
    SILENT = "silent"
    """accepts connections and never says a word"""
    RESET = "reset"
    """accepts connections and resets them at once"""


class Listener(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the world is reached; port 0 takes a free one."""

    address: str = "127.0.0.1"
    port: int = 0
    transport: Transport = Transport.TLS


class Script(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A world as a file."""

    sites: tuple[Site, ...] = ()
    rules: tuple[Rule, ...] = ()
    listeners: tuple[Listener, ...] = (Listener(),)


class InvalidScript(ValueError):
    """The world that a script describes cannot be."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One request and the status of its answer; never the login."""

    method: str
    authority: str
    path: str
    query: str
    auth: Auth
    agent: str
    status: int


class World:
    """Answers for every host of a script; sites, rules and tags may come and go while it serves."""

    def __init__(self, sites: Iterable[Site] = (), rules: Iterable[Rule] = ()) -> None:
        self.asked: list[Asked] = []
        self._registries: dict[str, Registry] = {}
        self._rules: list[tuple[Rule, int | None]] = []
        for site in sites:
            self.add(site)
        for rule in rules:
            self.rule(rule)

    def add(self, site: Site) -> Registry:
        """Add a site under its names; what it backs must be there already. Raises `InvalidScript`."""
        registry = Registry(site, self._store(site))
        realms = {registry.realm(host)[0].removesuffix(":443") for host in site.hosts}
        for host in (*site.hosts, *sorted(realms - set(site.hosts) - {""})):
            if host in self._registries:
                raise InvalidScript(f"host {host!r}: two sites answer to it; give each name to one")
            self._registries[host] = registry
        return registry

    def rule(self, rule: Rule) -> None:
        """Add a rule behind those that are there."""
        self._rules.append((rule, rule.times))

    @property
    def hosts(self) -> tuple[str, ...]:
        """Return every name that somebody answers to."""
        return tuple(self._registries)

    def registry(self, host: str) -> Registry:
        """Return the registry that answers to a name; raises `KeyError`."""
        return self._registries[host]

    def certificate(self, host: str) -> Certificate:
        """Tell which certificate to show for a name; strangers get a valid one."""
        registry = self._registries.get(host)
        return Certificate.VALID if registry is None else registry.site.certificate

    def answer(self, request: Request) -> Answer:
        """Answer one request and write it down."""
        answer = self._answer(request)
        self.asked.append(
            Asked(
                method=request.method,
                authority=request.authority,
                path=request.path,
                query=request.query,
                auth=request.auth,
                agent=request.headers.get("user-agent", ""),
                status=answer.status,
            )
        )
        return answer

    def _answer(self, request: Request) -> Answer:
        rule = self._take(request)
        if rule is not None and rule.status is not None:
            return rule.change(Answer()).filled({"host": request.authority, "path": request.path})
        registry = self._registries.get(request.authority) or self._registries.get(request.host)
        answer = Answer(status=421, body="no registry of this name\n") if registry is None else registry.answer(request)
        return answer if rule is None else rule.change(answer)

    def _take(self, request: Request) -> Rule | None:
        """Return the first rule that fits, one use of it spent."""
        for place, (rule, left) in enumerate(self._rules):
            if left != 0 and rule.fits(request):
                self._rules[place] = (rule, None if left is None else left - 1)
                return rule
        return None

    def _store(self, site: Site) -> Store | None:
        if not site.backs:
            return None
        if site.backs not in self._registries:
            raise InvalidScript(f"site {site.hosts[0]!r} backs {site.backs!r}, which no site before it answers to")
        return self._registries[site.backs].store
