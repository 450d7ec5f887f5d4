"""What lowers certainty, learnt from the cluster it protects (I/O).

`ClusterFactsSource` answers from memory, in microseconds: from the shared notebook, which every replica reads every few
seconds, and from the revisions and the mutating webhooks, which every replica watches. `Learner` writes the notebook:
the surveys, which one replica makes for all, and the contradictions, which whoever meets them notes. Before the first
survey of a cluster's life, and until a replica has read of it, mutators and mirrors are taken to be there: for those
seconds nothing that a registry says denies.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from webhook.cluster.api import Api
from webhook.cluster.failure import ClusterError
from webhook.cluster.following import Following
from webhook.cluster.mutators import MutatingWebhooks, mutating_policies
from webhook.cluster.notebook import Notebook
from webhook.cluster.revisions import Revisions
from webhook.cluster.survey import PullsAs, Seen, Survey, prove_logins
from webhook.image.reference import Reference
from webhook.policy.decision import Verdict
from webhook.policy.evidence import ClusterFacts, Mutator
from webhook.workload.workload import ContainerImage, Workload

log = logging.getLogger(__name__)

READ_EVERY = 15.0
SURVEY_EVERY = 1800.0
_LOOK_AGAIN = 2.0
UNSURVEYED = "something unknown: the cluster's pods have not been looked over yet"
_UNSURVEYED = Mutator(title=UNSURVEYED)


class ClusterFactsSource:
    """The pipeline's `ClusterEvidence`. What settings state is added by the policy."""

    def __init__(self, notebook: Notebook, revisions: Revisions, webhooks: MutatingWebhooks) -> None:
        self._notebook = notebook
        self._revisions = revisions
        self._webhooks = webhooks
        self._made_of: object = None
        self._facts: dict[tuple[str, bool, bool], ClusterFacts] = {}

    def facts(self, workload: Workload, image: ContainerImage, reference: Reference | None) -> ClusterFacts:
        """Tell what was learnt of this registry and this object; of no registry where the text names none."""
        ran_before = (
            workload.template and bool(workload.uid) and self._revisions.may_have_run(workload.uid, image.image)
        )
        ran_here = ran_before or self._revisions.may_have_run_here(image.image)
        registry = reference.registry if reference is not None and reference.connectable else ""
        facts = self._of(registry, ran_before, ran_here)
        webhooks = self._webhooks.taking(workload) if workload.template else ()
        return replace(facts, mutators=facts.mutators + webhooks) if webhooks else facts

    def _of(self, registry: str, ran_before: bool, ran_here: bool) -> ClusterFacts:
        learnt = self._notebook.learnt
        if learnt is not self._made_of or len(self._facts) > 1000:
            self._made_of, self._facts = learnt, {}
        key = (registry, ran_before, ran_here)
        facts = self._facts.get(key)
        if facts is None:
            login = learnt.logins.get(registry)
            facts = self._facts[key] = ClusterFacts(
                node_logins=login.proof if login else "",
                mirrors=next(iter(learnt.mirrors), "" if learnt.surveyed else UNSURVEYED),
                mutators=tuple(map(_learnt, learnt.mutators)) if learnt.surveyed else (_UNSURVEYED,),
                contradicted=learnt.contradictions(registry),
                ran_before=ran_before,
                ran_here=ran_here,
            )
        return facts


def _learnt(title: str) -> Mutator:
    """Return one that was noted: a policy may be named by the operator, what pods have shown has no name."""
    kind, _, name = title.partition(" ")
    return Mutator(title=title, names=(name,) if kind == "MutatingAdmissionPolicy" else ())


class Writer(Protocol):
    """Whether this replica is the one that makes surveys."""

    @property
    def held(self) -> bool: ...


class Learner:
    """Keeps the notebook; `run` holds the tasks that do it, beside `Revisions.watchings`."""

    def __init__(
        self,
        api: Api,
        notebook: Notebook,
        revisions: Revisions,
        survey: Survey,
        pulls_as: PullsAs,
        writer: Writer,
        *,
        on_contradiction: Callable[[str, str], None] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`on_contradiction` is told registry and code, for a metric; `clock` is the wall clock."""
        self.following = Following(api, self._contradicted)
        self._api = api
        self._notebook = notebook
        self._revisions = revisions
        self._survey = survey
        self._pulls_as = pulls_as
        self._writer = writer
        self._on_contradiction = on_contradiction
        self._clock = clock

    def follow(self, verdict: Verdict) -> None:
        """See what becomes of an admitted pod that we predicted a failure for; never waits."""
        self.following.follow(verdict)

    async def run(self) -> None:
        """Read, survey and follow, for ever; ends by being cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_reading())
            group.create_task(self._keep_surveying())
            group.create_task(self.following.run())

    async def survey(self) -> Seen:
        """Look over all pods once and write down what they prove; raise `ClusterError`."""
        seen = await self._survey.look()
        mutators = {**await mutating_policies(self._api), **seen.mutators}
        now = self._clock()
        proved = {registry: fact.seen for registry, fact in self._notebook.learnt.logins.items()}
        await self._notebook.note(lambda known: known.with_seen(mirrors=seen.mirrors, mutators=mutators, now=now))
        logins = await prove_logins(seen, proved, self._pulls_as, now=now)
        if logins:
            await self._notebook.note(lambda known: known.with_logins(logins, now))
        return seen

    async def _keep_reading(self) -> None:
        """Read again and again, sooner while nobody has looked the pods over: until then no failure is certain."""
        while True:
            pause = READ_EVERY
            try:
                learnt = await self._notebook.read()
                pause = READ_EVERY if learnt.surveyed else _LOOK_AGAIN
            except ClusterError as error:
                log.warning("cannot read what was learnt: %s", error)
            await asyncio.sleep(pause)

    async def _keep_surveying(self) -> None:
        for watching in self._revisions.watchings:
            await watching.synced.wait()
        while True:
            pause = _LOOK_AGAIN
            if self._writer.held and self._clock() - self._notebook.learnt.surveyed >= SURVEY_EVERY:
                try:
                    await self.survey()
                except ClusterError as error:
                    pause = READ_EVERY * 4
                    log.warning("cannot look over the cluster's pods: %s", error)
            await asyncio.sleep(pause)

    async def _contradicted(self, registry: str, code: str, proof: str) -> None:
        log.warning("a node contradicted %s for %s: %s", code, registry, proof)
        if self._on_contradiction is not None:
            self._on_contradiction(registry, code)
        now = self._clock()
        await self._notebook.note(lambda known: known.with_contradiction(registry, code, proof, now))
