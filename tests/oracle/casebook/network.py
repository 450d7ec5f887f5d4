"""Everything that can go wrong between a node and a registry, at the name server, the socket, in TLS and in HTTP."""

from collections.abc import Iterator
from typing import Any

from case import Case, holding
from scene import DROPPED, NO_ROUTE, PLAIN_HTTP, REFUSED, RESETTING, SILENT

from casebook.sites import HUB
from webhook.demo.answer import Fault
from webhook.demo.site import Certificate, Rule, Site

AGENTS = ("^containerd", "^(?!containerd)")
"""What happens so many times happens to the node and to everybody else as often."""

HTML = "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Sign in to the network</body></html>"
TOO_MANY = '{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]}'


def cases() -> Iterator[Case]:
    yield from _names()
    yield from _sockets()
    yield from _certificates()
    yield from _statuses()
    yield from _faults()
    yield from _token_services()
    yield from _quotas()


def _names() -> Iterator[Case]:
    for host, says, patience in (
        ("nowhere.test", "the name does not exist", 20),
        ("registry.default.svc", "a cluster's Service: pods resolve it, nodes do not", 20),
        ("registry.default.svc.cluster.local", "a cluster's Service by its full name", 20),
        ("x.failing.test", "the name server fails", 20),
        ("x.silent.test", "the name server is silent", 90),
        ("no_such-host.test", "an underscore in a name that does not exist", 20),
    ):
        key = host.replace(".", "-").replace("_", "-")
        yield Case(id=f"network-name-{key}", says=says, image=f"{host}/x:1", runs=False, patience=patience)


def _sockets() -> Iterator[Case]:
    for key, address, says, patience in (
        ("refused", REFUSED, "nobody listens", 20),
        ("reset", RESETTING, "connections are reset", 20),
        ("no-route", NO_ROUTE, "no such machine", 30),
        ("plain-http", PLAIN_HTTP, "plain HTTP on the port of TLS", 20),
        ("silent", SILENT, "connections are taken, nobody speaks", 50),
        ("dropped", DROPPED, "packets are dropped", 90),
    ):
        host = f"{key}.test"
        yield Case(
            id=f"network-{key}",
            says=says,
            image=f"{host}/x:1",
            runs=False,
            addresses={host: address},
            patience=patience,
        )
    yield Case(id="network-port", says="a port that nobody listens on", image="open.test:4999/x:1", runs=False)
    image = "localhost:5000/network/localhost:1"
    yield Case(
        id="network-localhost",
        says="plain HTTP on loopback is each node's own",
        image=image,
        runs=True,
        sites=(Site(hosts=("localhost",)),),
        holds=(holding(image),),
        unknowable="loopback is each node's own",
    )


def _certificates() -> Iterator[Case]:
    for kind in (Certificate.EXPIRED, Certificate.OTHER_NAME, Certificate.UNTRUSTED):
        host = f"{kind}.test"
        image = f"{host}/network/tls:1"
        yield Case(
            id=f"network-tls-{kind}",
            says=f"certificate: {kind}",
            image=image,
            runs=False,
            sites=(Site(hosts=(host,), certificate=kind),),
            holds=(holding(image),),
        )


def _statuses() -> Iterator[Case]:
    for status in (400, 402, 403, 408, 409, 410, 412, 418, 429, 451, 500, 502, 503, 504):
        yield _ruled(
            f"status-{status}", f"always {status}", False, status=status, body=TOO_MANY if status == 429 else ""
        )
    html = {"Content-Type": "text/html"}
    yield _ruled("html-200", "a portal's page for everything", False, status=200, headers=html, body=HTML)
    yield _ruled("html-401", "a portal's page, 401", False, status=401, headers=html, body=HTML)
    yield _ruled("html-403", "a page of a firewall, 403", False, status=403, headers=html, body=HTML)
    yield _ruled("html-404", "a web server's 404", False, status=404, headers=html, body=HTML)
    yield _ruled("empty-404", "404 and nothing else", False, status=404)
    yield _ruled("304", "not modified", False, status=304)
    retry = {"Retry-After": "600", "Content-Type": "application/json"}
    yield _ruled("429-retry", "429 with Retry-After", False, status=429, headers=retry, body=TOO_MANY)
    yield _ruled(
        "429-get",
        "429 on GET alone, HEAD is fine: the pulls are used up",
        False,
        method="GET",
        status=429,
        body=TOO_MANY,
    )
    yield _ruled("reason", "a status line in its own words", False, status=503, reason="Gone Fishing")
    yield _ruled("503-once", "503 once, then fine", True, status=503, times=1)
    yield _ruled("429-once", "429 once, then fine", True, status=429, times=1)
    yield _ruled(
        "500-at-first", "500 a few times, then fine: the kubelet tries again", True, status=500, times=3, patience=60
    )
    yield _ruled("405-head", "HEAD is not allowed, GET is fine", True, method="HEAD", status=405)
    yield _ruled("405-all", "nothing is allowed", False, status=405)
    yield _ruled("redirect-loop", "a redirect to itself", False, status=307, headers={"Location": "https://$host$path"})
    yield _ruled(
        "redirect-nowhere",
        "a redirect to a name that does not exist",
        False,
        status=307,
        headers={"Location": "https://nowhere.test$path"},
    )
    yield _ruled(
        "redirect-html",
        "a redirect to a portal",
        False,
        status=302,
        headers={"Location": "https://portal.test/login"},
        more=(Rule(host="portal.test", status=200, headers=html, body=HTML),),
        sites=(Site(hosts=("portal.test",)),),
    )
    yield _ruled(
        "redirect-host",
        "a redirect to another host that has it",
        True,
        status=307,
        headers={"Location": "https://backend.test$path"},
        sites=(Site(hosts=("backend.test",), backs="redirect-host.network.test"),),
    )


def _faults() -> Iterator[Case]:
    yield _ruled("close", "the connection is closed before the answer", False, fault=Fault.CLOSE)
    yield _ruled("reset-answer", "the connection is reset before the answer", False, fault=Fault.RESET)
    yield _ruled("hang", "no answer ever", False, fault=Fault.HANG, patience=90)
    yield _ruled("truncate", "half of the manifest", False, fault=Fault.TRUNCATE, method="GET")
    yield _ruled(
        "hang-body",
        "the manifest's headers, and then nothing: the node waits for ever",
        False,
        fault=Fault.HANG_BODY,
        patience=90,
        endless=True,
    )
    yield _ruled("slow", "slow, but fine", True, delay=2)
    yield _ruled("close-once", "the connection is closed once, then fine", True, fault=Fault.CLOSE, times=1)


def _token_services() -> Iterator[Case]:
    json = {"Content-Type": "application/json"}
    services: tuple[tuple[str, str, bool, dict[str, Any]], ...] = (
        ("401", "the token service says 401", False, {"status": 401}),
        ("403", "the token service says 403", False, {"status": 403}),
        ("404", "the token service says 404", False, {"status": 404}),
        ("429", "the token service says 429", False, {"status": 429}),
        ("500", "the token service says 500", False, {"status": 500}),
        ("503", "the token service says 503", False, {"status": 503}),
        ("html", "the token service answers a page", False, {"status": 200, "body": HTML}),
        ("empty", "the token service answers no token", False, {"status": 200, "headers": json, "body": "{}"}),
        ("close", "the token service closes the connection", False, {"fault": Fault.CLOSE}),
        ("hang", "the token service is silent", False, {"fault": Fault.HANG, "patience": 90}),
        ("slow", "the token service is slow", True, {"delay": 2}),
    )
    for key, says, runs, rule in services:
        host = f"token-{key}.test"
        patience = rule.pop("patience", 20)
        image = f"{host}/network/token:1"
        yield Case(
            id=f"network-token-{key}",
            says=says,
            image=image,
            runs=runs,
            patience=patience,
            sites=(Site(hosts=(host,), personality="bearer"),),
            holds=(holding(image),),
            rules=(Rule(host=host, path="^/token", **rule),),
        )


def _quotas() -> Iterator[Case]:
    """Docker Hub tells on HEAD, which costs nothing, how many pulls are left; GET takes one, or is refused."""
    for left, runs in ((0, False), (3, True)):
        path = f"network/{left}-left"
        image = f"docker.io/{path}:1"
        told = {"ratelimit-limit": "100;w=21600", "ratelimit-remaining": f"{left};w=21600"}
        refused = {"Content-Type": "application/json", **told}
        get = Rule(host=HUB, path=f"/{path}/manifests", method="GET", status=429, headers=refused, body=TOO_MANY)
        yield Case(
            id=f"network-quota-{left}",
            says=f"Docker Hub: {left} pulls are left",
            image=image,
            runs=runs,
            holds=(holding(image, host=HUB),),
            rules=(Rule(host=HUB, path=f"/{path}/manifests", method="HEAD", headers=told), *(() if runs else (get,))),
        )


def _ruled(
    key: str,
    says: str,
    runs: bool,
    *,
    more: tuple[Rule, ...] = (),
    patience: float = 20,
    endless: bool = False,
    sites: tuple[Site, ...] = (),
    **rule: Any,
) -> Case:
    """Return a case with a registry of its own: how one fails is remembered, and must not be another's trouble."""
    host = f"{key}.network.test"
    image = f"{host}/team/app:1"
    return Case(
        id=f"network-{key}",
        says=says,
        image=image,
        runs=runs,
        holds=(holding(image),),
        sites=(Site(hosts=(host,)), *sites),
        patience=patience,
        endless=endless,
        rules=(*(Rule(host=host, path="/manifests/", agent=agent, **rule) for agent in AGENTS), *more),
    )
