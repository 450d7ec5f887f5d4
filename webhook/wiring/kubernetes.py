"""What the webhook knows of its cluster, and what it keeps learning of it (I/O)."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

from webhook.cluster.accounttokens import AccountTokens
from webhook.cluster.api import Api
from webhook.cluster.evidence import ClusterFactsSource, Learner, Writer
from webhook.cluster.mutators import MutatingWebhooks
from webhook.cluster.namespaces import ClusterNamespaces
from webhook.cluster.nodes import ClusterNodes
from webhook.cluster.notebook import NAME, Notebook
from webhook.cluster.revisions import Revisions
from webhook.cluster.secrets import ClusterPullSecrets, SecretAccess
from webhook.cluster.survey import Survey
from webhook.credentials.dockerconfig import decode_secret
from webhook.credentials.keychain import Keychain
from webhook.image.reference import Reference
from webhook.pipeline import Pipeline
from webhook.policy.cause import REFUSALS
from webhook.policy.decision import Verdict
from webhook.registry.resolution import Unresolved
from webhook.sources import Resolver
from webhook.wiring.known import Known
from webhook.workload.workload import Workload

_SECONDS = 10.0


class Watched(Protocol):
    """A list that is kept up to date: whether it was read once, and what keeps it from being read."""

    @property
    def synced(self) -> asyncio.Event: ...

    @property
    def trouble(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """The cluster's part of the webhook. `learner` is to be `run` once a resolver is open. `watched` by what it is."""

    known: Known
    pull_secrets: ClusterPullSecrets
    learning: "Learning"
    watched: Mapping[str, Watched] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Learning:
    """All that it takes to learn from the cluster's own pods."""

    api: Api
    notebook: Notebook
    revisions: Revisions
    pull_secrets: ClusterPullSecrets

    def learner(self, resolver: Resolver, writer: Writer, on_contradiction: Callable[[str, str], None]) -> Learner:
        """Return what learns, asking registries by `resolver`."""

        async def pulls_as(workload: Workload, reference: Reference) -> str:
            deadline = asyncio.get_running_loop().time() + _SECONDS
            anytime = float("-inf")
            secrets = await self.pull_secrets.pull_secrets(workload, deadline=deadline, not_before=anytime)
            if not secrets.complete:
                return ""
            logins = Keychain(secrets.secrets).lookup(reference)
            resolution = await resolver.resolve(reference, logins, deadline=deadline, not_before=anytime)
            refused = isinstance(resolution, Unresolved) and resolution.failure in REFUSALS
            return resolution.message if refused and isinstance(resolution, Unresolved) else ""

        survey = Survey(self.api, self.revisions, self.pull_secrets.account_names)
        return Learner(
            self.api, self.notebook, self.revisions, survey, pulls_as, writer, on_contradiction=on_contradiction
        )


@dataclass(frozen=True, slots=True)
class FollowingInspector:
    """A pipeline whose verdicts are followed to the node, to learn from what it made of them."""

    pipeline: Pipeline
    learner: Learner

    async def inspect(self, workload: Workload, deadline: float, *, user: str = "") -> Verdict:
        """Judge, and remember to look what becomes of it."""
        verdict = await self.pipeline.inspect(workload, deadline, user=user)
        self.learner.follow(verdict)
        return verdict

    def recall(self, workload: Workload, *, user: str = "") -> Verdict | None:
        """Judge at once where that can be done, and remember to look what becomes of it."""
        verdict = self.pipeline.recall(workload, user=user)
        if verdict is not None:
            self.learner.follow(verdict)
        return verdict


@asynccontextmanager
async def open_known(
    api: Api, namespace: str, access: SecretAccess, *, on_error: Callable[[str], None] = lambda _: None
) -> AsyncIterator[Cluster]:
    """Begin to watch; `namespace` is the webhook's own, where it writes down what it learns. Never waits for a list.

    `on_error` is told of each pull secret that could not be read.
    """
    pull_secrets = ClusterPullSecrets(api, decode_secret, access=access, on_error=on_error)
    namespaces, nodes = ClusterNamespaces(api), ClusterNodes(api)
    revisions, notebook = Revisions(api), Notebook(api, namespace, NAME)
    webhooks, tokens = MutatingWebhooks(api, namespaces.known), AccountTokens(api)
    known = Known(
        pull_secrets=pull_secrets,
        nodes=nodes,
        cluster=ClusterFactsSource(notebook, revisions, webhooks),
        namespaces=namespaces,
        tokens=tokens,
    )
    watchings = (namespaces.watching, nodes.watching, *revisions.watchings, webhooks.watching)
    names = ("namespaces", "nodes", "ReplicaSets", "ControllerRevisions", "mutating webhooks")
    tasks = [asyncio.create_task(watching.run()) for watching in watchings]
    try:
        yield Cluster(
            known=known,
            pull_secrets=pull_secrets,
            learning=Learning(api, notebook, revisions, pull_secrets),
            watched=dict(zip(names, watchings, strict=True)),
        )
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await pull_secrets.close()
        await namespaces.close()
        await tokens.close()
