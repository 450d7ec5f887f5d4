"""`pullproof demo`: real registries on sockets, the real webhook over TLS, real AdmissionReviews; no cluster (I/O).

Prints for each sample what `kubectl apply` would print. The only thing that is played is the API server.
"""

import asyncio
import json
import ssl
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import TextIO

import httpx
import msgspec

from certs.issue import issue_authority, issue_leaf
from webhook.demo.registries import PORTS, listener, populate
from webhook.demo.samples import Sample, samples
from webhook.demo.server import Server, serving
from webhook.demo.world import World
from webhook.documents.pullsecrets import ManifestSecrets
from webhook.documents.read import read
from webhook.metrics import Metrics
from webhook.server.assembly import Assembly, Ports
from webhook.server.certificate import CertificateInMemory
from webhook.server.health import Health
from webhook.wiring.registries import Surroundings
from webhook.wiring.webhook import Known

_CONFIGURATION = {
    "apiVersion": "config.pullproof.dev/v1alpha1",
    "kind": "PullproofConfiguration",
    "nodes": {"logins": "none"},
    "network": {"connectTimeout": "500ms", "timeout": "2s"},
    "server": {"drain": "0s"},
}
_RESOURCES = {"Pod": ("", "v1", "pods"), "Deployment": ("apps", "v1", "deployments")}
_TIMEOUT = "5s"


class _Status(msgspec.Struct):
    message: str = ""


class _Response(msgspec.Struct):
    allowed: bool
    status: _Status = msgspec.field(default_factory=_Status)
    warnings: list[str] = []


class _Review(msgspec.Struct):
    response: _Response


@dataclass(frozen=True, slots=True)
class Stage:
    """What is running: the webhook's URL, how its certificate is trusted, and the samples with their real ports."""

    url: str
    trust: ssl.SSLContext
    samples: tuple[Sample, ...]


@asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    """Start the registries and the webhook, and end them with the block."""
    async with AsyncExitStack() as stack:
        world = World()
        served = await stack.enter_async_context(serving(world, ()))
        ports = {port: await _listen(served, port) for port in PORTS}
        populate(world, ports)
        shown = samples(ports)
        now = datetime.now(UTC)
        authority = issue_authority(now, timedelta(days=1))
        certificate = CertificateInMemory()
        certificate.put(issue_leaf(authority, ["127.0.0.1"], now, timedelta(days=1)))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pullproof-demo-")))
        (folder / "config.yaml").write_text(json.dumps(_CONFIGURATION), encoding="utf-8")
        assembly = Assembly(
            configuration=folder / "config.yaml",
            surroundings=Surroundings(environment={}, loopback=True),
            known=Known(pull_secrets=_secrets(shown)),
            certificate=certificate,
            metrics=Metrics(),
            health=Health(),
            ports=Ports(address="127.0.0.1", port=0, metrics_port=0),
        )
        port = await stack.enter_async_context(_running(assembly))
        trust = ssl.create_default_context(cadata=authority.certificate.decode("ascii"))
        yield Stage(f"https://127.0.0.1:{port}", trust, shown)


async def walk(out: TextIO, *, hold: bool = False) -> bool:
    """Show every sample; return whether each met its expectation. `hold`: keep it all up until interrupted."""
    async with stage() as here:
        print("Each sample is posted to the real webhook; this is what kubectl would print.\n", file=out)
        async with httpx.AsyncClient(verify=here.trust, trust_env=False, timeout=30) as client:
            met = [await _show(sample, client, here.url, out) for sample in here.samples]
        print(f"{sum(met)} of {len(met)} samples met their expectation.", file=out)
        if hold:
            await _hold(here, out)
    return all(met)


async def _show(sample: Sample, client: httpx.AsyncClient, url: str, out: TextIO) -> bool:
    print(f"# {sample.shows}\n$ kubectl apply -f {sample.file}", file=out)
    met = True
    for each in sample.objects:
        kind, name = str(each.get("kind")), _name(each)
        if kind not in _RESOURCES:
            print(f"{kind.lower()}/{name} created", file=out)
            continue
        answer = await client.post(f"{url}/validate?timeout={_TIMEOUT}", json=_review(each, kind))
        response = msgspec.json.decode(answer.content, type=_Review).response
        for line in _as_kubectl(response, kind, name, sample.file):
            print(line, file=out)
        met = met and _meets(response, sample)
    print(f"{'ok' if met else 'NOT AS EXPECTED'}\n", file=out, flush=True)
    return met


def _as_kubectl(response: _Response, kind: str, name: str, file: str) -> list[str]:
    lines = [f"Warning: {warning}" for warning in response.warnings]
    if response.allowed:
        group = _RESOURCES[kind][0]
        return [*lines, f"{kind.lower()}{f'.{group}' if group else ''}/{name} created"]
    denied = (
        f'Error from server (Forbidden): error when creating "{file}": admission webhook "pods.pullproof.dev" denied'
    )
    return [*lines, f"{denied} the request: {response.status.message}"]


def _meets(response: _Response, sample: Sample) -> bool:
    """Compare decision and codes; every code that is told stands in brackets at the end of a line."""
    told = "\n".join((*response.warnings, response.status.message))
    codes = frozenset(line[line.rindex("[") + 1 : -1] for line in told.splitlines() if line.endswith("]"))
    return response.allowed is sample.allowed and codes == sample.codes


def _review(obj: Mapping[str, object], kind: str) -> Mapping[str, object]:
    group, version, resource = _RESOURCES[kind]
    return {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "3f0e6d1c-0000-4000-8000-000000000000",
            "kind": {"group": group, "version": version, "kind": kind},
            "resource": {"group": group, "version": version, "resource": resource},
            "name": _name(obj),
            "namespace": "shop",
            "operation": "CREATE",
            "userInfo": {"username": "you"},
            "object": obj,
        },
    }


def _name(obj: Mapping[str, object]) -> str:
    metadata = obj.get("metadata")
    return str(metadata.get("name", "")) if isinstance(metadata, Mapping) else ""


def _secrets(shown: Sequence[Sample]) -> ManifestSecrets:
    text = "\n---\n".join(sample.text for sample in shown)
    documents = read(["-"], BytesIO(text.encode()), namespace="shop")
    return ManifestSecrets(documents.secrets, documents.accounts, complete=True)


@asynccontextmanager
async def _running(assembly: Assembly) -> AsyncIterator[int]:
    stop = asyncio.Event()
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(assembly.run(stop, started=lambda server: port.set_result(server.port)))
    running.add_done_callback(lambda _: port.cancel())  # ended before it began: `await running` tells why
    try:
        yield await port
    finally:
        stop.set()
        await running


async def _hold(here: Stage, out: TextIO) -> None:
    print(f"\nThe webhook answers at {here.url}/validate. Things to try, in another terminal:", file=out)
    image = next(line.split("image: ")[1] for line in here.samples[0].text.splitlines() if "image: " in line)
    print(f"    pullproof image {image} {image}9", file=out)
    print("    pullproof check examples/demo", file=out)
    print("Ctrl-C ends it.", file=out, flush=True)
    await asyncio.Event().wait()


async def _listen(server: Server, port: int) -> int:
    """Listen where the samples say, or anywhere, if somebody else listens there already."""
    try:
        return await server.listen(listener(port, port))
    except OSError:
        return await server.listen(listener(port, 0))
