"""The registries of the demo: where each is reached, what it holds, and what is wrong with it (pure).

localhost:5443   open
localhost:5444   wants a login; `deploy` may read team/…, not finance/…
localhost:5445   answers 429
localhost:5446   accepts connections and never says a word
localhost:5447   is a web server
localhost:5448   answers 503
"""

from collections.abc import Mapping
from typing import Final

from webhook.demo.answer import refusal
from webhook.demo.images import ImageSpec
from webhook.demo.personality import Personality, Scheme
from webhook.demo.site import Repository, Rule, Site
from webhook.demo.world import Listener, Transport, World

OPEN: Final = 5443
PRIVATE: Final = 5444
LIMITED: Final = 5445
SILENT: Final = 5446
WEBSITE: Final = 5447
BROKEN: Final = 5448
PORTS: Final = (OPEN, PRIVATE, LIMITED, SILENT, WEBSITE, BROKEN)

_BOTH: Final = ImageSpec(platforms=("linux/amd64", "linux/arm64"))
_GUARDED: Final = Personality(
    scheme=Scheme.BEARER,
    known_refused=refusal(403, "DENIED", "requested access to the resource is denied"),
)
_TOO_MANY: Final = (
    '{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your unauthenticated pull rate limit."}]}'
)


def listener(port: int, served: int) -> Listener:
    """Return how the registry that samples know by `port` is listened for at `served`."""
    return Listener(port=served, transport=Transport.SILENT if port == SILENT else Transport.TLS)


def populate(world: World, ports: Mapping[int, int]) -> None:
    """Add the registries; `ports` are where they are served."""
    at = {port: f"localhost:{served}" for port, served in ports.items()}
    world.add(Site(hosts=(at[OPEN],), repositories=_OPEN_REPOSITORIES))
    world.add(
        Site(
            hosts=(at[PRIVATE],),
            personality=_GUARDED,
            users={"deploy": "demo-password", "auditor": "demo-audit"},
            repositories=_PRIVATE_REPOSITORIES,
        )
    )
    world.add(Site(hosts=(at[LIMITED],)))
    world.add(Site(hosts=(at[BROKEN],)))
    json = {"Content-Type": "application/json"}
    world.rule(Rule(host=at[LIMITED], status=429, headers={**json, "Retry-After": "840"}, body=_TOO_MANY))
    world.rule(Rule(host=at[BROKEN], status=503, headers=json, body='{"errors":[{"code":"UNAVAILABLE"}]}'))
    page = "<!doctype html><title>Docs</title><h1>Welcome</h1>"
    world.rule(Rule(host=at[WEBSITE], status=200, headers={"Content-Type": "text/html"}, body=page))


_OPEN_REPOSITORIES: Final = (
    Repository(name="shop/web", tags={"1.4.0": _BOTH, "1.4.1": _BOTH, "1.4.2": _BOTH}),
    Repository(name="shop/tools", tags={"latest": _BOTH, "3.1": _BOTH}),
)
_PRIVATE_REPOSITORIES: Final = (
    Repository(name="team/api", public=False, tags={"1.9": _BOTH, "2.0": _BOTH}),
    Repository(name="finance/ledger", public=False, readers=("auditor",), tags={"7": _BOTH}),
)
