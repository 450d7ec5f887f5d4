"""What the Kubernetes API can be made to say: its row of the matrix. It holds the pull secrets."""

import json

import impostor
from cells_way import PORTAL, asked, of_the_way, refusing, saying, usurped_by, wavering
from experiment import Cell, Fault
from world import API

UNKNOWN = frozenset({"credentials-unavailable", "not-verified"})
"""Whose logins cannot be read may have the right one: never denied."""


def _status(code: int, reason: str) -> str:
    return json.dumps({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code})


def api() -> list[Cell]:
    """Return the Kubernetes API's cells."""

    def cell(fault: str, what: str, apply: Fault) -> Cell:
        return Cell(part="Kubernetes API", fault=fault, what=what, apply=apply, codes=UNKNOWN)

    def says(fault: str, what: str, status: int, body: str, kind: str = "application/json", **headers: str) -> Cell:
        return cell(fault, what, saying(API, status, body, kind, **headers))

    return [
        *of_the_way("Kubernetes API", API, UNKNOWN),
        cell("hang", "TLS, then not a word", usurped_by(API, lambda: impostor.silent)),
        cell("slow", "a body that drips", asked(API, impostor.dripping)),
        cell("half-closed", "half an object", asked(API, impostor.cut_short)),
        says("garbage", "200 and a portal's page", 200, PORTAL, "text/html"),
        says("garbage", "200 and an empty object", 200, "{}"),
        says("garbage", "401: it does not know us", 401, _status(401, "Unauthorized")),
        says("garbage", "403: we may not", 403, _status(403, "Forbidden")),
        cell("huge", "a body without end", asked(API, impostor.endless_body)),
        says("5xx", "500", 500, _status(500, "InternalError")),
        says("5xx", "503 of a load balancer", 503, PORTAL, "text/html"),
        says("5xx", "504, its etcd is gone", 504, _status(504, "Timeout")),
        says("5xx", "429, Retry-After: 1", 429, _status(429, "TooManyRequests"), Retry_After="1"),
        cell("flapping", "500, refused, well, in turns", wavering(saying(API, 500, "{}"), refusing(API))),
    ]
