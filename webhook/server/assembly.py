"""The server, put together: pipeline, endpoints, certificate, listeners; and what they report to (I/O)."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from webhook import __version__
from webhook.admission.externaldata import ExternalData
from webhook.admission.imagereview import ImageReviews
from webhook.metrics import Metrics
from webhook.server.admission import AdmissionEndpoint, Inspector, Limits, Wire
from webhook.server.app import create_app, create_metrics_app
from webhook.server.certificate import CertificateSource, ServingCertificate
from webhook.server.health import Condition, Health
from webhook.server.run import Listen, WebServer
from webhook.server.telling import Tell, Telling
from webhook.settings.schema import Server
from webhook.wiring.configuration import Edits
from webhook.wiring.registries import Surroundings
from webhook.wiring.webhook import Known, Webhook, open_webhook


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where to listen instead of where the configuration says; None leaves it to that."""

    address: str | None = None
    port: int | None = None
    metrics_port: int | None = None


@asynccontextmanager
async def _pipeline(webhook: Webhook) -> AsyncIterator[Inspector]:
    yield webhook.pipeline


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    """What a server is made of. `around` wraps the open pipeline, for those who want to see every verdict.

    `tell` is given the Events, where the configuration asks for them.
    """

    configuration: Path | None
    surroundings: Surroundings
    known: Known
    certificate: CertificateSource | None
    metrics: Metrics
    health: Health
    ports: Ports = Ports()
    tell: Tell | None = None
    around: Callable[[Webhook], AbstractAsyncContextManager[Inspector]] = field(default=_pipeline)
    edits: Edits | None = None

    async def run(self, stop: asyncio.Event, *, started: Callable[[WebServer], None] = lambda _: None) -> None:
        """Serve until `stop` is set; raise a ValueError or OSError in one line where it cannot begin."""
        opening = open_webhook(self.configuration, self.surroundings, self.known, self.metrics, self.edits)
        async with opening as webhook:
            self.health.add("configuration", lambda: _configuration(webhook))
            async with self.around(webhook) as inspector:
                server = self._server(webhook, inspector)
                await server.run(stop, started=lambda: started(server))

    def _server(self, webhook: Webhook, inspector: Inspector) -> WebServer:
        settings = webhook.settings
        budgets, given = settings.budgets, settings.server
        door = AdmissionEndpoint(
            inspector=inspector,
            observer=Telling(self.metrics, self.tell) if self.tell and given.events else self.metrics,
            limits=Limits(budget=budgets.admission, least_headroom=budgets.headroom),
            closing=lambda: self.health.draining,
        )
        doors = {path: replace(door, wire=wire) for path, wire in _other_doors(given).items()}
        address = given.address if self.ports.address is None else self.ports.address
        return WebServer(
            create_app(self.health, {"/validate": door, **doors}, version=__version__),
            listen=Listen(
                host=address or None,
                port=given.port if self.ports.port is None else self.ports.port,
                metrics_host=address or None,
                metrics_port=given.metrics_port if self.ports.metrics_port is None else self.ports.metrics_port,
                drain=given.drain,
            ),
            health=self.health,
            certificate=ServingCertificate(self.certificate) if self.certificate else None,
            metrics=create_metrics_app(self.metrics.render),
            told=self._expires,
            at_once={b"/validate": door.at_once},
        )

    def _expires(self, at: datetime) -> None:
        self.metrics.certificate_expires("serving", at)


def _other_doors(given: Server) -> Mapping[str, Wire]:
    """Return what is served beside /validate, where it is asked for."""
    found: dict[str, Wire] = {}
    if given.image_review.enabled:
        found["/imagereview"] = ImageReviews(frozenset(given.image_review.exclude_namespaces))
    if given.external_data.enabled:
        found["/externaldata"] = ExternalData()
    return found


def _configuration(webhook: Webhook) -> Condition:
    refused = webhook.configuration.refused
    return Condition(
        ok=True, note=f"the last change was refused, the one before is in force: {refused}" if refused else ""
    )
