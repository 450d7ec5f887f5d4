"""A mutating webhook that does what its label asks to the pods of a case (I/O: a TLS socket).

mutate: image     every image becomes one that can be pulled
mutate: secret    a pull secret is added
"""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from scene import NODE

from webhook.demo.answer import JSON, Answer, Request
from webhook.demo.authority import Authority
from webhook.demo.site import Certificate
from webhook.demo.wire import read_request, send

PORT = 9443
GOOD_IMAGE = "open.test/mutated/good:1"
SECRET = "mutator-adds-this"


@asynccontextmanager
async def mutating(authority: Authority) -> AsyncIterator[dict[str, Any]]:
    """Serve until the block is left; yields the MutatingWebhookConfiguration to register."""
    context = authority.context(NODE, Certificate.VALID)
    connections: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(_connected(reader, writer))
        connections.add(task)
        task.add_done_callback(connections.discard)
        await task

    server = await asyncio.start_server(connected, NODE, PORT, ssl=context)
    try:
        yield _registration(base64.b64encode(authority.file.read_bytes()).decode())
    finally:
        server.close()
        for task in connections:
            task.cancel()  # an API server keeps its connections open
        await asyncio.gather(*connections)


async def _connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while (request := await read_request(reader)) is not None:
            await send(reader, writer, request, _answer(request))
    except (OSError, asyncio.CancelledError):
        pass
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def _answer(request: Request) -> Answer:
    review = json.loads(request.body)
    asked = review["request"]
    patch = base64.b64encode(json.dumps(_patch(asked["object"])).encode()).decode()
    response = {"uid": asked["uid"], "allowed": True, "patchType": "JSONPatch", "patch": patch}
    body = {"apiVersion": review["apiVersion"], "kind": review["kind"], "response": response}
    return Answer(headers={"Content-Type": JSON}, body=json.dumps(body))


def _patch(pod: Any) -> list[dict[str, Any]]:
    if pod["metadata"]["labels"]["mutate"] == "secret":
        return [{"op": "add", "path": "/spec/imagePullSecrets", "value": [{"name": SECRET}]}]
    paths = (f"/spec/containers/{number}/image" for number in range(len(pod["spec"]["containers"])))
    return [{"op": "replace", "path": path, "value": GOOD_IMAGE} for path in paths]


def _registration(bundle: str) -> dict[str, Any]:
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    hook = {
        "name": "mutator.oracle.test",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "failurePolicy": "Fail",
        "clientConfig": {"url": f"https://{NODE}:{PORT}/", "caBundle": bundle},
        "objectSelector": {"matchExpressions": [{"key": "mutate", "operator": "Exists"}]},
        "rules": [rule],
    }
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": "mutator"},
        "webhooks": [hook],
    }
