"""What registry and token service can be made to say: their rows of the matrix."""

import json

import impostor
from cells_way import PORTAL, asked, of_the_way, refusing, saying, usurped, usurped_by, wavering
from experiment import RECOVERY, Cell, Fault
from world import REGISTRY, TOKENS

UNREACHABLE = frozenset({"registry-unreachable", "not-verified"})
ERROR = frozenset({"registry-error", "not-verified"})
STRANGE = ERROR | {"not-a-registry"}
LIMITED = frozenset({"rate-limited", "not-verified"})
MISSING = frozenset({"image-not-found"})
"""A 404 that is no registry's own: said in a warning, never a denial."""

LOGIN = frozenset({"unauthorized"})
"""The registry asked for a login, and whoever then stood in its place would not have it."""

NOT_ONE = frozenset({"not-an-image"})
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_STALE = json.dumps({"token": "stale", "access_token": "stale"})
_UNAVAILABLE = json.dumps({"errors": [{"code": "UNAVAILABLE", "message": "backend unhealthy"}]})
_TOO_MANY = json.dumps({"errors": [{"code": "TOOMANYREQUESTS", "message": "slow down"}]})


def registry() -> list[Cell]:
    """Return the registry's cells."""
    at = REGISTRY

    def cell(fault: str, what: str, apply: Fault, codes: frozenset[str], mixed: frozenset[str] = frozenset()) -> Cell:
        kept = bool((codes | mixed) & (MISSING | NOT_ONE))  # an absence is believed for 15 s, though never for a denial
        patience = 17.0 if kept else RECOVERY
        return Cell(part="registry", fault=fault, what=what, apply=apply, codes=codes, mixed=mixed, recovery=patience)

    return [
        *of_the_way("registry", at, UNREACHABLE, STRANGE),
        cell("reset", "reset once a request was read", asked(at, impostor.reset), UNREACHABLE | ERROR),
        cell("hang", "TLS, then not a word", usurped_by(at, lambda: impostor.silent), UNREACHABLE),
        cell("slow", "a body that drips", asked(at, impostor.dripping), UNREACHABLE | STRANGE),
        cell("garbage", "noise in place of HTTP", asked(at, impostor.noise), UNREACHABLE | STRANGE),
        cell("garbage", "200 and a portal's page", saying(at, 200, PORTAL, "text/html"), STRANGE),
        cell("garbage", "200 and half an object", saying(at, 200, '{"schemaVersion": 2, "conf'), STRANGE),
        cell("garbage", "200 and half a manifest", saying(at, 200, '{"schemaVersion": 2, "conf', _MANIFEST), STRANGE),
        cell("garbage", "200 and another JSON", saying(at, 200, '{"status": "down"}'), STRANGE | NOT_ONE),
        cell("garbage", "404 and a portal's page", saying(at, 404, PORTAL, "text/html"), STRANGE | MISSING),
        cell("garbage", "404 of an ingress", saying(at, 404, "default backend", "text/plain"), STRANGE | MISSING),
        cell("garbage", "401 without a challenge", saying(at, 401, PORTAL, "text/html"), STRANGE, LOGIN),
        cell("garbage", "403 of a firewall", saying(at, 403, PORTAL, "text/html"), STRANGE),
        cell("garbage", "plain HTTP on its port", usurped(at, impostor.saying(400, "plain")), UNREACHABLE | STRANGE),
        cell("garbage", "redirects without end", saying(at, 307, Location="/v2/again"), STRANGE, MISSING),
        cell("huge", "headers without end", asked(at, impostor.endless_head), UNREACHABLE | STRANGE),
        cell("huge", "a body without end", asked(at, impostor.endless_body), UNREACHABLE | STRANGE | NOT_ONE),
        cell("5xx", "500", saying(at, 500, _UNAVAILABLE), ERROR),
        cell("5xx", "502 of a proxy", saying(at, 502, PORTAL, "text/html"), ERROR),
        cell("5xx", "503, Retry-After: 2", saying(at, 503, _UNAVAILABLE, Retry_After="2"), ERROR),
        cell("5xx", "504 without a body", saying(at, 504), ERROR),
        cell("5xx", "429, Retry-After: 2", saying(at, 429, _TOO_MANY, Retry_After="2"), LIMITED),
        cell("flapping", "500, refused, well, in turns", wavering(saying(at, 500), refusing(at)), UNREACHABLE | ERROR),
    ]


def tokens() -> list[Cell]:
    """Return the token service's cells."""
    at = TOKENS

    def cell(fault: str, what: str, apply: Fault, codes: frozenset[str]) -> Cell:
        return Cell(part="token service", fault=fault, what=what, apply=apply, codes=codes)

    return [
        *of_the_way("token service", at, UNREACHABLE, STRANGE),
        cell("hang", "TLS, then not a word", usurped_by(at, lambda: impostor.silent), UNREACHABLE),
        cell("slow", "a body that drips", asked(at, impostor.dripping), UNREACHABLE | STRANGE),
        cell("half-closed", "half a token", asked(at, impostor.cut_short), UNREACHABLE | STRANGE),
        cell("garbage", "200 and a portal's page", saying(at, 200, PORTAL, "text/html"), STRANGE),
        cell("garbage", "200 and no token", saying(at, 200, "{}"), STRANGE),
        cell("garbage", "a token that the registry refuses", saying(at, 200, _STALE), STRANGE),
        cell("garbage", "a token of control characters", saying(at, 200, '{"access_token": "\\r\\nX: y"}'), STRANGE),
        cell("garbage", "404 and a portal's page", saying(at, 404, PORTAL, "text/html"), STRANGE),
        cell("huge", "a token without end", asked(at, impostor.endless_body), UNREACHABLE | STRANGE),
        cell("5xx", "500", saying(at, 500, _UNAVAILABLE), ERROR),
        cell("5xx", "502 of a proxy", saying(at, 502, PORTAL, "text/html"), ERROR),
        cell("5xx", "503, Retry-After: 2", saying(at, 503, _UNAVAILABLE, Retry_After="2"), ERROR),
        cell("5xx", "429, Retry-After: 2", saying(at, 429, _TOO_MANY, Retry_After="2"), LIMITED),
        cell("flapping", "500, refused, well, in turns", wavering(saying(at, 500), refusing(at)), UNREACHABLE | ERROR),
    ]
