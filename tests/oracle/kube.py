"""The Kubernetes API, as much of it as the oracle needs (I/O)."""

import json
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx

SERVER = "https://10.77.0.1:6443"

PATHS = {
    "Namespace": "/api/v1/namespaces",
    "ServiceAccount": "/api/v1/namespaces/{namespace}/serviceaccounts",
    "Secret": "/api/v1/namespaces/{namespace}/secrets",
    "Pod": "/api/v1/namespaces/{namespace}/pods",
    "ReplicationController": "/api/v1/namespaces/{namespace}/replicationcontrollers",
    "Deployment": "/apis/apps/v1/namespaces/{namespace}/deployments",
    "ReplicaSet": "/apis/apps/v1/namespaces/{namespace}/replicasets",
    "StatefulSet": "/apis/apps/v1/namespaces/{namespace}/statefulsets",
    "DaemonSet": "/apis/apps/v1/namespaces/{namespace}/daemonsets",
    "Job": "/apis/batch/v1/namespaces/{namespace}/jobs",
    "CronJob": "/apis/batch/v1/namespaces/{namespace}/cronjobs",
    "ValidatingWebhookConfiguration": "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
    "MutatingWebhookConfiguration": "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
}


@dataclass(frozen=True, kw_only=True)
class Reply:
    """The API server's answer; `warnings` are the texts that kubectl would print."""

    status: int
    body: Any = None
    warnings: tuple[str, ...] = ()
    audit_id: str = ""

    @property
    def created(self) -> bool:
        return self.status in (200, 201, 202)

    @property
    def message(self) -> str:
        return str(self.body.get("message", "")) if isinstance(self.body, dict) else ""


@dataclass
class Api:
    """A client with the administrator's token."""

    cluster: Path
    _client: httpx.AsyncClient = field(init=False)

    def __post_init__(self) -> None:
        context = ssl.create_default_context(cafile=str(self.cluster / "certs/apiserver.crt"))
        limits = httpx.Limits(max_connections=32)
        headers = {"Authorization": "Bearer admin"}
        self._client = httpx.AsyncClient(
            base_url=SERVER, verify=context, headers=headers, timeout=60, limits=limits, trust_env=False
        )

    async def create(self, thing: Any, *, namespace: str = "", dry_run: bool = False) -> Reply:
        path = PATHS[thing["kind"]].format(namespace=namespace)
        return await self._ask("POST", path, thing, {"dryRun": "All"} if dry_run else {})

    async def add_ephemeral(self, pod: str, container: Any, *, namespace: str, dry_run: bool = False) -> Reply:
        path = f"{PATHS['Pod'].format(namespace=namespace)}/{pod}/ephemeralcontainers"
        change = {"spec": {"ephemeralContainers": [container]}}
        return await self._ask("PATCH", path, change, {"dryRun": "All"} if dry_run else {})

    async def pods(self, namespace: str) -> list[Any]:
        reply = await self._ask("GET", PATHS["Pod"].format(namespace=namespace), None, {"resourceVersion": "0"})
        items: list[Any] = reply.body.get("items", [])
        return items

    async def delete(self, kind: str, name: str, *, namespace: str) -> Reply:
        path = f"{PATHS[kind].format(namespace=namespace)}/{name}"
        options = {"gracePeriodSeconds": 0, "propagationPolicy": "Background"}
        return await self._ask("DELETE", path, options, {})

    async def get(self, path: str) -> Any:
        return (await self._ask("GET", path, None, {})).body

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def _ask(self, method: str, path: str, body: Any, query: dict[str, str]) -> Reply:
        kind = "application/strategic-merge-patch+json" if method == "PATCH" else "application/json"
        content = None if body is None else json.dumps(body)
        answer = await self._client.request(method, path, content=content, params=query, headers={"Content-Type": kind})
        warnings = tuple(_warning(text) for text in answer.headers.get_list("warning"))
        return Reply(
            status=answer.status_code,
            body=answer.json(),
            warnings=warnings,
            audit_id=answer.headers.get("audit-id", ""),
        )


def _warning(header: str) -> str:
    """Return the text of `299 - "…"`."""
    text: str = json.loads(header.split(" ", 2)[2])
    return text
