"""The webhook with a probe of its event loop (I/O): how late is a timer that is due every few milliseconds?

`python probed.py CONFIG CERTIFICATE KEY PORT METRICS_PORT [KUBECONFIG]`, then for each line on stdin one line of JSON:
what was seen since the last one, in milliseconds: how late, and how much of that was our own work (the processor time
that the loop's thread took meanwhile; the rest is others' on this machine). Names under `hang.example` are looked up by
a name server that does not answer; no other name is looked up at all.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

from webhook.cluster.client import open_cluster
from webhook.cluster.secrets import SecretAccess
from webhook.documents.pullsecrets import ManifestSecrets
from webhook.metrics import Metrics
from webhook.registry.names import UnknownName
from webhook.server.assembly import Assembly, Ports
from webhook.server.certificate import CertificateFiles
from webhook.server.clustered import Clustered
from webhook.server.health import Health
from webhook.server.run import run
from webhook.wiring.registries import Surroundings
from webhook.wiring.webhook import Known

EVERY = 0.004
_SILENT = 5.0
"""Seconds that glibc waits for a name server, at least."""


def look_up(host: str) -> tuple[str, ...]:
    """Hang, as getaddrinfo does on its thread where a name server is silent."""
    if host == "localhost":
        return ("127.0.0.1",)
    if host.endswith("hang.example"):
        time.sleep(_SILENT)
    raise UnknownName("no such host")


async def probe(late: list[tuple[float, float]]) -> None:
    """Note how many milliseconds each timer was late, and how many of them we worked."""
    clock, worked = time.perf_counter, time.thread_time
    while True:
        due, before = clock() + EVERY, worked()
        await asyncio.sleep(EVERY)
        milliseconds = max(0.0, clock() - due) * 1000
        late.append((milliseconds, min(milliseconds, (worked() - before) * 1000)))


async def report(late: list[tuple[float, float]]) -> None:
    """Answer each line on stdin; end with it."""
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while await lines.readline():
        seen, own = sorted(each for each, _ in late), sorted(each for _, each in late)
        late.clear()
        told = {"samples": len(seen), "late": _parts(seen), "own": _parts(own)}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


def _parts(values: list[float]) -> dict[str, float]:
    last = len(values) - 1
    shares = {"p50": 0.5, "p99": 0.99, "p999": 0.999, "most": 1.0}
    return {name: values[min(last, int(len(values) * share))] for name, share in shares.items()} if values else {}


async def serve(config: str, certificate: str, key: str, port: str, metrics_port: str, kubeconfig: str = "") -> None:
    """Serve until stdin ends."""
    stop, late = asyncio.Event(), list[tuple[float, float]]()
    ports = Ports(address="127.0.0.1", port=int(port), metrics_port=int(metrics_port))
    surroundings = Surroundings(environment={}, loopback=True, lookup=look_up)
    files = CertificateFiles(Path(certificate), Path(key))
    async with asyncio.TaskGroup() as group:
        probing = group.create_task(probe(late))
        reporting = group.create_task(report(late))
        reporting.add_done_callback(lambda _: stop.set())
        if kubeconfig:
            async with open_cluster(kubeconfig) as api:
                await Clustered(
                    api=api,
                    namespace="pullproof-system",
                    identity="bench",
                    configuration=Path(config),
                    surroundings=surroundings,
                    access=SecretAccess(),
                    registered=None,
                    files=files,
                    metrics=Metrics(),
                    ports=ports,
                ).run(stop)
        else:
            await Assembly(
                configuration=Path(config),
                surroundings=surroundings,
                known=Known(pull_secrets=ManifestSecrets((), (), complete=True)),
                certificate=files,
                metrics=Metrics(),
                health=Health(),
                ports=ports,
            ).run(stop)
        probing.cancel()


if __name__ == "__main__":
    run(serve(*sys.argv[1:]))
