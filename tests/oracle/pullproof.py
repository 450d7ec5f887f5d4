"""Pullproof as the API server meets it: the real `pullproof serve`, registered for all that bears pods (I/O)."""

import asyncio
import base64
import json
import signal
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from kube import Api, Reply
from scene import NODE

from webhook.demo.authority import Authority

PORT = 10443
NAME = "validate.pullproof.dev"
TIMEOUT_SECONDS = 10
STARTS_WITHIN_SECONDS = 30

RULES = (
    ("", ("pods", "pods/ephemeralcontainers", "replicationcontrollers", "podtemplates")),
    ("apps", ("deployments", "replicasets", "statefulsets", "daemonsets")),
    ("batch", ("jobs", "cronjobs")),
)


@asynccontextmanager
async def serving(cluster: Path, authority: Authority, settings: dict[str, Any]) -> AsyncIterator[None]:
    """Serve with `settings` (`{}` is how it comes) until the block is left."""
    folder = cluster / "pullproof"
    folder.mkdir()
    (folder / "config.yaml").write_text(json.dumps(_settings(authority, settings)))
    command = (sys.executable, "-m", "webhook", "serve", "--config", str(folder / "config.yaml"))
    with (cluster / "logs/pullproof.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)
    try:
        await _ready(process, authority.file)
        yield
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.wait()


def _settings(authority: Authority, settings: dict[str, Any]) -> dict[str, Any]:
    pair = str(authority.pair(NODE))
    served = {"address": NODE, "port": PORT, "metricsPort": PORT + 1, "drain": "0s"}
    served |= {"certFile": pair, "keyFile": pair}
    head = {"apiVersion": "config.pullproof.dev/v1alpha1", "kind": "PullproofConfiguration"}
    return head | settings | {"server": served}


async def _ready(process: asyncio.subprocess.Process, ca: Path) -> None:
    context = ssl.create_default_context(cafile=str(ca))
    for _ in range(STARTS_WITHIN_SECONDS * 5):
        if process.returncode is not None:
            break
        try:
            await asyncio.to_thread(urllib.request.urlopen, f"https://{NODE}:{PORT}/readyz", context=context, timeout=5)
        except (OSError, urllib.error.URLError):
            await asyncio.sleep(0.2)
        else:
            return
    raise RuntimeError("pullproof serve did not become ready; see logs/pullproof.log")


async def register(api: Api, ca: Path, *, selector: dict[str, Any], probe: str) -> None:
    """Register for the namespaces that `selector` selects, and wait until the API server calls: `probe` is one of them.

    It sees a new registration some moments later.
    """
    _must(await api.create(_registration(ca, selector)))
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "probe"}}
    pod |= {"spec": {"containers": [{"name": "c", "image": "What:No/Webhook:Lets/Pass"}]}}
    for _ in range(100):
        reply = await api.create(pod, namespace=probe, dry_run=True)
        if reply.warnings or not reply.created:
            return
        await asyncio.sleep(0.2)
    raise RuntimeError("the API server does not call the webhook; see logs/apiserver.log")


def _must(reply: Reply) -> None:
    if not reply.created:
        raise RuntimeError(reply.message)


def _registration(ca: Path, selector: dict[str, Any]) -> dict[str, Any]:
    rules = [
        {"apiGroups": [group], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": list(kinds)}
        for group, kinds in RULES
    ]
    client = {"url": f"https://{NODE}:{PORT}/validate", "caBundle": base64.b64encode(ca.read_bytes()).decode()}
    hook = {
        "name": NAME,
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "failurePolicy": "Fail",
        "timeoutSeconds": TIMEOUT_SECONDS,
        "matchPolicy": "Equivalent",
        "clientConfig": client,
        "namespaceSelector": selector,
        "rules": rules,
    }
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "pullproof"},
        "webhooks": [hook],
    }
