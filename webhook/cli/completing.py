"""What a shell may offer after `--context` and `-n` (I/O: the kubeconfig, the cluster).

Nothing that goes wrong here is told: a person who presses Tab gets no offers, and nothing else.
"""

from pathlib import Path

import typer

from webhook.cli.session import session_of

_PATIENCE = 2.0


def contexts(ctx: typer.Context) -> list[str]:
    """Return the contexts of the kubeconfig that is meant."""
    import yaml

    from webhook.cluster.client import find_way
    from webhook.cluster.failure import InvalidKubeconfig

    environ = session_of(ctx).environ
    try:
        way = find_way(_given(ctx, "kubeconfig"), None, environ, Path(environ.get("HOME", "/")))
        files = [Path(file) for file in (way.kubeconfig or "").split(":") if file]
        loaded = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in files]
        return [str(each["name"]) for config in loaded for each in config["contexts"]]
    except (InvalidKubeconfig, OSError, ValueError, yaml.YAMLError, KeyError, TypeError):
        return []


def namespaces(ctx: typer.Context) -> list[str]:
    """Return the namespaces of the cluster that is meant, if it answers at once."""
    import asyncio
    import json

    from webhook.cluster.client import open_cluster
    from webhook.cluster.failure import ClusterError, InvalidKubeconfig

    async def listed() -> list[str]:
        async with open_cluster(_given(ctx, "kubeconfig"), _given(ctx, "kube_context")) as api:
            found = await api.request("GET", "/api/v1/namespaces", query={"limit": "500"}, seconds=_PATIENCE)
            return [str(each["metadata"]["name"]) for each in json.loads(found)["items"]]

    try:
        return asyncio.run(listed())
    except (InvalidKubeconfig, ClusterError, ValueError, KeyError, TypeError):
        return []


def _given(ctx: typer.Context, name: str) -> str | None:
    return str(ctx.params.get(name) or "") or None
