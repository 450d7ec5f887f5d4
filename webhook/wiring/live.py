"""What a command knows of a live cluster: the same as the webhook there, read once and never written (I/O)."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from webhook.cluster.api import Api
from webhook.cluster.failure import ClusterError
from webhook.cluster.mutators import mutating_policies
from webhook.cluster.secrets import SecretAccess
from webhook.cluster.survey import Survey
from webhook.wiring.known import Known
from webhook.wiring.kubernetes import Cluster, Learning, open_known

HOME = "pullproof-system"
"""Where the webhook writes down what it learns, unless it was installed elsewhere."""

_PATIENCE = 10.0
_TICK = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """`unknown`: what could not be read, by what it is, and why; verdicts then rest on less."""

    known: Known
    unknown: tuple[tuple[str, str], ...] = ()


@asynccontextmanager
async def open_live(api: Api, *, survey: bool = True, home: str = HOME) -> AsyncIterator[Live]:
    """Look at nodes, namespaces and revisions, as far as that is allowed, and follow them while this is open.

    `survey`: also look over all pods for what changes pods and for mirrors, where no webhook has written that down.
    """
    async with open_known(api, home, SecretAccess()) as cluster:
        unknown = await _read(cluster)
        if survey and not any(what == "ReplicaSets" for what, _ in unknown):
            unknown += await _survey(api, cluster.learning)
        yield Live(known=cluster.known, unknown=tuple(unknown))


async def _read(cluster: Cluster) -> list[tuple[str, str]]:
    """Wait until every list was read or refused, and return what was not read."""
    end = asyncio.get_running_loop().time() + _PATIENCE
    watched = cluster.watched
    while asyncio.get_running_loop().time() < end:
        if all(each.synced.is_set() or each.trouble for each in watched.values()):
            break
        await asyncio.sleep(_TICK)
    late = "the API server did not answer in time"
    return [(what, each.trouble or late) for what, each in watched.items() if not each.synced.is_set()]


async def _survey(api: Api, learning: Learning) -> list[tuple[str, str]]:
    notebook = learning.notebook
    with suppress(ClusterError):  # it is the webhook's; whoever may not read it looks for himself
        await notebook.read()
    if notebook.learnt.surveyed:
        return []
    try:
        seen = await Survey(api, learning.revisions, learning.pull_secrets.account_names).look()
    except ClusterError as error:
        return [("what changes pods", str(error))]
    mutators = {**await mutating_policies(api), **seen.mutators}
    notebook.learnt = notebook.learnt.with_seen(mirrors=seen.mirrors, mutators=mutators, now=time.time())
    return []
