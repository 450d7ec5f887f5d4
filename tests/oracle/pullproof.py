"""Pullproof as the API server meets it: the real `pullproof serve`, registered for all that bears pods (I/O)."""

import asyncio
import base64
import json
import os
import signal
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from kube import Api
from scene import NODE

from webhook.demo.authority import Authority

PORT = 10443
NAME = "validate.pullproof.dev"
TIMEOUT_SECONDS = 10
STARTS_WITHIN_SECONDS = 30
SURVEYED_WITHIN_SECONDS = 30

RULES = (
    ("", ("pods", "pods/ephemeralcontainers", "replicationcontrollers", "podtemplates")),
    ("apps", ("deployments", "replicasets", "statefulsets", "daemonsets")),
    ("batch", ("jobs", "cronjobs")),
)


@asynccontextmanager
async def serving(
    cluster: Path, authority: Authority, settings: dict[str, Any], *, home: str = "default"
) -> AsyncIterator[None]:
    """Serve with `settings` (`{}` is how it comes) until the block is left.

    What it learns it notes in the namespace `home`: in a new one it knows nothing yet.
    """
    folder = cluster / "pullproof"
    folder.mkdir(exist_ok=True)
    (folder / "config.yaml").write_text(json.dumps(_settings(authority, settings)))
    command = (sys.executable, "-m", "webhook", "serve", "--config", str(folder / "config.yaml"))
    environment = os.environ | {"POD_NAMESPACE": home}
    with (cluster / "logs/pullproof.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log, env=environment)
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
    """Register for the namespaces that `selector` selects, and wait until it is called and knows the cluster."""
    reply = await api.create(_registration(ca, selector))
    if not reply.created:
        raise RuntimeError(reply.message)
    await until_surveyed(api, probe)


async def until_surveyed(api: Api, namespace: str) -> None:
    """Wait until a template that cannot run is denied in `namespace`, or warned of for a reason that stays.

    The API server sees a new registration some moments later, and Pullproof denies no template before it has looked the
    cluster's pods over once: someone unseen could change what is made of it. If it then knows who, it only warns.
    """
    pod = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "No/Reference:At/All"}]}}
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": pod}
    probe = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "probe"}, "spec": spec}
    over = asyncio.get_running_loop().time() + SURVEYED_WITHIN_SECONDS
    while asyncio.get_running_loop().time() < over:
        if not (await api.create(probe, namespace=namespace, dry_run=True)).created:
            return
        await asyncio.sleep(0.5)


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
