"""From objects of a live cluster to written explanations: what `explain KIND/NAME` does."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from webhook.cli.cluster import ClusterWay, open_api
from webhook.cli.explaining import Question, exit_code_of, explained, judged_of
from webhook.cli.judging import Inspector, Logins, Wish
from webhook.cli.objects import Named
from webhook.cli.opening import Probe, opening, probing
from webhook.cli.session import Session, UsageProblem
from webhook.cluster.client import KubernetesApi
from webhook.cluster.failure import NotFound
from webhook.cluster.sighting import sight
from webhook.documents.source import SourcedWorkload
from webhook.image.reference import InvalidReference, Reference
from webhook.policy.evidence import NodeFacts
from webhook.reports.explain import render
from webhook.reports.explanation import Explanation
from webhook.reports.live import with_sighting
from webhook.settings.schema import Settings
from webhook.sources import Nodes
from webhook.wiring.live import open_live
from webhook.workload.sighting import Sighting
from webhook.workload.workload import ContainerImage, Workload


async def explain_live(
    session: Session, question: Question, way: ClusterWay, settings: Settings, objects: Sequence[Named], namespace: str
) -> int:
    """Look at the objects and their images, write the explanations, and return the exit code."""
    open_pipeline = session.pipelines or opening(session)
    explanations: list[Explanation] = []
    async with open_api(way) as api:
        sightings = [await _sight(api, each, namespace or api.namespace) for each in objects]
        async with open_live(api, survey=False) as live:
            wish = Wish(settings=settings, known=live.known, logins=Logins.CLUSTER, loopback=False)
            probe = probing(session, wish)
            async with open_pipeline(wish) as pipeline:
                for sighting, each in zip(sightings, objects, strict=True):
                    explanations += [one async for one in _explained(wish, pipeline, question, each, sighting, probe)]
    session.out.write(render(explanations, question.format, colours=session.colours))
    return exit_code_of(explanations)


async def _sight(api: KubernetesApi, named: Named, namespace: str) -> Sighting:
    try:
        return await sight(api, named.resource, namespace, named.name)
    except NotFound as error:
        kind, plural = named.resource.kind.lower(), named.resource.plural
        raise UsageProblem(
            f"no {kind} {named.name!r} in namespace {namespace!r}; see `kubectl get {plural} -n {namespace}`"
        ) from error


async def _explained(
    wish: Wish, pipeline: Inspector, question: Question, named: Named, sighting: Sighting, probe: Probe
) -> AsyncIterator[Explanation]:
    """Yield the explanations of one object, by the pod of it that tells most: what a node pulls is a pod's."""
    workload = _awake(sighting.pod.workload if sighting.pod else sighting.workload)
    version = f"{named.resource.group}/v1" if named.resource.group else "v1"
    found = SourcedWorkload(workload=workload, api_version="v1" if sighting.pod else version, file="")
    wanted = replace(workload, platforms=question.platforms)
    verdict = await pipeline.inspect(wanted, asyncio.get_running_loop().time() + question.timeout)
    told = await explained(found, verdict, wish, probe)
    for each, judged in zip(told, judged_of(verdict), strict=True):
        yield with_sighting(each, judged.image, sighting, _facts(wish.known.nodes, workload, judged.image))


def _awake(workload: Workload) -> Workload:
    """Explain also what is not judged because nothing would be pulled: whoever asks wants to know."""
    return replace(workload, skip=None)


def _facts(nodes: Nodes, workload: Workload, image: ContainerImage) -> NodeFacts | None:
    try:
        return nodes.facts(workload, image, Reference.parse(image.image))
    except InvalidReference:
        return None
