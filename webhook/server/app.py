"""The HTTP surface: FastAPI for what people and probes ask, plain ASGI doors for what API servers ask.

The doors stand in front of the FastAPI app, as its middlewares and routing would take a sixth of a warm request's time;
they are in its OpenAPI document nevertheless. Law: nobody ever sees a traceback; a bug is a 500 with a JSON body that
says nothing, and its traceback is in the log.
"""

import asyncio
from collections.abc import Callable, Mapping

from fastapi import FastAPI
from fastapi.responses import JSONResponse, PlainTextResponse
from starlette.exceptions import HTTPException
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from webhook.server.answer import Answer, refusal
from webhook.server.health import Condition, Health, render

_FRESH = 0.25


def create_app(health: Health, doors: Mapping[str, ASGIApp], *, version: str) -> ASGIApp:
    """Return the application: `doors` by path (`/validate`), /livez, /readyz and /openapi.json."""
    app = FastAPI(title="Pullproof", version=version, docs_url=None, redoc_url=None)
    app.add_exception_handler(HTTPException, _refused)

    @app.get("/livez", response_class=PlainTextResponse)
    async def livez(verbose: str | None = None) -> Response:
        """Tell whether the process answers at all."""
        return _health("livez", {"ping": Condition(ok=True)}, verbose)

    @app.get("/readyz", response_class=PlainTextResponse)
    async def readyz(verbose: str | None = None) -> Response:
        """Tell whether requests should be sent here: certificates and configuration, never registries."""
        return _health("readyz", health.conditions(), verbose)

    plain_schema = app.openapi

    def schema() -> dict[str, object]:
        found: dict[str, object] = dict(plain_schema())
        paths = found.get("paths")
        if isinstance(paths, dict):
            found["paths"] = {**paths, **{path: {"post": _DOOR_SCHEMA} for path in doors}}
        return found

    app.openapi = schema  # type: ignore[method-assign]
    return ServerErrorMiddleware(_Doors(doors, app), handler=_failed)


def create_metrics_app(render_metrics: Callable[[], tuple[bytes, str]]) -> ASGIApp:
    """Return the application of the plain port: /metrics, as `render_metrics` gives it (content and its type).

    It is rendered at most every `_FRESH` seconds: that takes milliseconds, in which no review is answered, and whoever
    reaches the port could ask for it all the time.
    """
    rendered_at, content, content_type = float("-inf"), b"", ""

    async def metrics(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal rendered_at, content, content_type
        if scope["method"] not in ("GET", "HEAD"):
            await refusal(405, "only GET is supported", allow="GET")(scope, receive, send)
            return
        now = asyncio.get_running_loop().time()
        if now - rendered_at >= _FRESH:
            content, content_type = render_metrics()
            rendered_at = now
        await Answer(200, content, content_type.encode("latin-1"))(scope, receive, send)

    return ServerErrorMiddleware(
        _Doors({"/metrics": metrics}, refusal(404, "not found, try /metrics")), handler=_failed
    )


class _Doors:
    """Leads a request to the application of its path, all others to the one behind."""

    def __init__(self, doors: Mapping[str, ASGIApp], behind: ASGIApp) -> None:
        self._doors = dict(doors)
        self._behind = behind

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._doors.get(scope["path"]) if scope["type"] == "http" else None
        await (app or self._behind)(scope, receive, send)


def _health(endpoint: str, conditions: dict[str, Condition], verbose: str | None) -> Response:
    ok = all(condition.ok for condition in conditions.values())
    text = render(endpoint, conditions) if verbose is not None or not ok else "ok"
    return PlainTextResponse(text, status_code=200 if ok else 503, headers={"cache-control": "no-store"})


async def _refused(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return JSONResponse({"error": str(error.detail).lower()}, status_code=error.status_code, headers=error.headers)


async def _failed(_: Request, __: Exception) -> Response:
    """Say so, and that the connection ends: the server closes it, and whoever used it again would go without answer."""
    content = {"error": "internal error, see the log of the server"}
    return JSONResponse(content, status_code=500, headers={"connection": "close"})


_DOOR_SCHEMA: Mapping[str, object] = {
    "summary": "Answer a review of an API server",
    "parameters": [
        {"name": "timeout", "in": "query", "required": False, "schema": {"type": "string", "example": "5s"}}
    ],
    "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}},
    "responses": {
        "200": {"description": "The review with its response", "content": {"application/json": {}}},
        **{
            status: {"description": meaning, "content": {"application/json": {}}}
            for status, meaning in {
                "400": "No review: the body says what is wrong and where",
                "405": "Not a POST",
                "408": "The body did not come in time",
                "413": "The body is too large",
                "415": "Not application/json",
                "503": "Too many requests at once",
            }.items()
        },
    },
}
