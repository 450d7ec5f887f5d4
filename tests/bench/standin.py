"""A stand-in for an API server with thousands of nodes (I/O): lists in pages, watches that stay silent, leases.

`python standin.py NODES KUBECONFIG_OUT` prints its port. `relist` on stdin makes every watch of the nodes end with 410,
so that they are listed again; it prints `relisted` once the last page of that has been sent. Nodes are made as they are
asked for: 15 kB each, with 50 images, as kubelets report them.
"""

import asyncio
import json
import signal
import sys
from pathlib import Path
from urllib.parse import parse_qs

import uvicorn
from starlette.types import Receive, Scope, Send

_LABELS = 30
_IMAGES = 50


def node() -> bytes:
    """Return a node whose number is written `@N@`."""
    images = [
        {
            "names": [
                f"registry.example/team-{each}/app@sha256:{each:064x}",
                f"registry.example/team-{each}/app:1.{each}",
            ],
            "sizeBytes": 100_000_000 + each,
        }
        for each in range(_IMAGES)
    ]
    labels = {f"topology.example/label-{each}": f"value-{each}" for each in range(_LABELS)}
    labels |= {"kubernetes.io/hostname": "node-@N@", "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
    conditions = [
        {"type": kind, "status": "False", "lastHeartbeatTime": "2026-01-01T00:00:00Z", "message": "kubelet is well"}
        for kind in ("MemoryPressure", "DiskPressure", "PIDPressure", "Ready")
    ]
    info = {
        "operatingSystem": "linux",
        "architecture": "amd64",
        "kernelVersion": "6.12.0",
        "containerRuntimeVersion": "containerd://2.1.0",
        "kubeletVersion": "v1.37.2",
    }
    managed = [{"manager": "kubelet", "operation": "Update", "fieldsV1": {f"f:{each}": {} for each in range(200)}}]
    metadata = {
        "name": "node-@N@",
        "uid": "uid-@N@",
        "resourceVersion": "1",
        "labels": labels,
        "managedFields": managed,
    }
    status = {"nodeInfo": info, "conditions": conditions, "images": images, "capacity": {"cpu": "8", "memory": "32Gi"}}
    return json.dumps({"metadata": metadata, "spec": {"podCIDR": "10.0.0.0/24"}, "status": status}).encode()


class StandIn:
    """The server, as an ASGI application."""

    def __init__(self, nodes: int) -> None:
        self._nodes = nodes
        self._node = node()
        self._expired = asyncio.Event()
        self.relisted = asyncio.Event()

    def relist(self) -> None:
        """End the watches of the nodes."""
        self.relisted.clear()
        self._expired.set()
        self._expired = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path, query = scope["path"], parse_qs(scope["query_string"].decode())
        if "watch" in query:
            await self._watch(send, path.endswith("/nodes"))
        elif path.endswith("/nodes"):
            await _answer(send, 200, self._page(int(query["limit"][0]), int(query.get("continue", ["0"])[0])))
        elif scope["method"] in ("POST", "PUT", "PATCH"):
            await _answer(send, 200, await _read(receive))
        elif path.rpartition("/")[2] in _LISTS:
            await _answer(send, 200, b'{"metadata":{"resourceVersion":"1"},"items":[]}')
        elif path.count("/") == 4 and "/namespaces/" in path:
            await _answer(send, 200, b'{"metadata":{"name":"default","labels":{}}}')
        else:
            await _answer(send, 404, b'{"kind":"Status","code":404,"reason":"NotFound"}')

    def _page(self, limit: int, begin: int) -> bytes:
        end = min(begin + limit, self._nodes)
        items = b",".join(self._node.replace(b"@N@", b"%d" % number) for number in range(begin, end))
        further = b',"continue":"%d"' % end if end < self._nodes else b""
        if not further:
            self.relisted.set()
        return b'{"metadata":{"resourceVersion":"1"%b},"items":[%b]}' % (further, items)

    async def _watch(self, send: Send, nodes: bool) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": b"", "more_body": True})
        await (self._expired if nodes else asyncio.Event()).wait()
        await send({"type": "http.response.body", "body": b'{"type":"ERROR","object":{"code":410}}\n'})


_LISTS = frozenset({"namespaces", "pods", "replicasets", "controllerrevisions", "deployments", "secrets"})
_LISTS |= {"mutatingwebhookconfigurations", "mutatingadmissionpolicies", "mutatingadmissionpolicybindings"}


async def _read(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


async def _answer(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def serve(nodes: int, kubeconfig: Path) -> None:
    """Serve until stdin ends."""
    app = StandIn(nodes)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, lifespan="off", log_level="error"))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # uvicorn would wait for the watches to end
    port = server.servers[0].sockets[0].getsockname()[1]
    _write_kubeconfig(kubeconfig, port)
    say(str(port))
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    while await commands.readline():
        app.relist()
        await app.relisted.wait()
        say("relisted")
    server.should_exit = server.force_exit = True
    await serving


def _write_kubeconfig(file: Path, port: int) -> None:
    cluster = {"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}"}}
    context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
    user = {"name": "u", "user": {"token": "bench"}}
    config = {"apiVersion": "v1", "kind": "Config", "current-context": "c"}
    file.write_text(json.dumps({**config, "clusters": [cluster], "contexts": [context], "users": [user]}))


def say(line: str) -> None:
    """Print one line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2])))
