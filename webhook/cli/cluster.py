"""The way of a command to a cluster (I/O); whatever is wrong with it is one line."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from webhook.cli.judging import Logins
from webhook.cli.session import UsageProblem

if TYPE_CHECKING:
    from webhook.cluster.client import KubernetesApi
    from webhook.cluster.secrets import ClusterPullSecrets

_PATIENCE = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterWay:
    """Which cluster is meant: `--kubeconfig` and `--context`, "" for kubectl's own choice."""

    kubeconfig: str = ""
    context: str = ""


@asynccontextmanager
async def open_api(way: ClusterWay) -> AsyncIterator["KubernetesApi"]:
    """Open the cluster, once it has shown that it answers; raise `UsageProblem` where none does, or it breaks off."""
    import logging

    from webhook.cluster.client import open_cluster
    from webhook.cluster.failure import ClusterError, Denied, InvalidKubeconfig

    logging.getLogger("webhook").addHandler(logging.NullHandler())  # a command tells in its own words what it lacks
    place = ""
    try:
        async with open_cluster(way.kubeconfig or None, way.context or None) as api:
            place = f" ({api.way})"
            await api.request("GET", "/version", seconds=_PATIENCE)
            yield api
    except InvalidKubeconfig as error:
        raise UsageProblem(str(error)) from error
    except Denied as error:
        raise UsageProblem(f"the cluster refuses{place}: {error}; see `kubectl auth whoami`") from error
    except ClusterError as error:
        raise UsageProblem(f"the cluster does not answer{place}: {error}; see `kubectl version`") from error


@asynccontextmanager
async def credentials(logins: Logins, way: ClusterWay) -> AsyncIterator[tuple[str, "ClusterPullSecrets | None"]]:
    """Yield the namespace that is meant where none is named, and the cluster's pull secrets if they are wanted."""
    if logins is not Logins.CLUSTER:
        if way != ClusterWay():
            raise UsageProblem(
                "--kubeconfig and --context choose a cluster, which nobody asks; add --credentials cluster"
            )
        yield "default", None
        return
    from webhook.cluster.secrets import ClusterPullSecrets
    from webhook.credentials.dockerconfig import decode_secret

    async with open_api(way) as api:
        secrets = ClusterPullSecrets(api, decode_secret)
        try:
            yield api.namespace, secrets
        finally:
            await secrets.close()
