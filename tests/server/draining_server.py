"""A server for test_drain: `python draining_server.py FOLDER DRAIN`; ends by SIGTERM. Certificates go into FOLDER."""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

from certs.files import FileStore
from certs.store import ensure
from webhook.metrics import Metrics
from webhook.policy.decision import Verdict
from webhook.server.admission import AdmissionEndpoint
from webhook.server.app import create_app
from webhook.server.certificate import CertificateFiles, ServingCertificate
from webhook.server.health import Health
from webhook.server.log import configure_logging
from webhook.server.run import Listen, WebServer, run, stop_on_signals
from webhook.workload.workload import Workload


class Slow:
    """Takes half a second over every pod, and says when it begins."""

    async def inspect(self, workload: Workload, deadline: float, *, user: str = "") -> Verdict:
        print("inspecting", flush=True)
        await asyncio.sleep(0.5)
        return Verdict(workload=workload)

    def recall(self, workload: Workload, *, user: str = "") -> Verdict | None:
        return None


async def main(folder: Path, drain: float) -> None:
    store, health, stop = FileStore(folder), Health(), asyncio.Event()
    await ensure(store, store, ["127.0.0.1"], datetime.now(UTC))
    endpoint = AdmissionEndpoint(inspector=Slow(), observer=Metrics(), closing=lambda: health.draining)
    server = WebServer(
        create_app(health, {"/validate": endpoint}, version="0"),
        listen=Listen(host="127.0.0.1", port=0, drain=drain),
        health=health,
        certificate=ServingCertificate(CertificateFiles(folder / "tls.crt", folder / "tls.key")),
    )
    stop_on_signals(stop)
    await server.run(stop, started=lambda: print(server.port, flush=True))


configure_logging()
run(main(Path(sys.argv[1]), float(sys.argv[2])))
