"""What Pullproof says, against what a real node does. Run inside the cluster of tests/cluster.

    python tests/cluster/run.py python tests/oracle [--subset] [--page FILE] [--list FILE] [FAMILY|CASE…]

Every case is judged first (a dry run through the API server, with the settings that Pullproof comes with), then run by
the kubelet with enforcement off; what fails is explained by `pullproof explain`. Exit code 1 for a wrong denial and
for a failure that was knowable and missed (where no reason is known), for a question without an answer, for a reason
that is needed no longer, for causes named too seldom, and for a case that is not what it claims to be.
"""

import argparse
import asyncio
import os
import sys
import time
import zlib
from collections.abc import Container, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from agreement import Result, needless
from case import Case
from casebook import all_cases
from casebook.sites import SITES
from engine import Engine, comes_later
from kube import Api, Reply
from mutator import mutating
from pullproof import register, serving, until_surveyed
from report import falls_short, outcomes, page, summary
from scene import Scene
from verdict import audited, verdict
from workload import ASKED, ELSEWHERE, RUN

from webhook.demo.authority import Authority
from webhook.demo.server import Server

SUBSET_SHARE = 4
SUBSET_PATIENCE = 30
REGISTERED = {"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "In", "values": [ASKED, RUN]}]}
"""The namespaces that the webhook is registered for."""


def main() -> int:
    options = argparse.ArgumentParser(prog="oracle", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--subset", action="store_true", help="every fourth case, none that is slow")
    options.add_argument("--page", type=Path, help="write the outcome to this file (default for all: docs/fidelity.md)")
    options.add_argument(
        "--list", type=Path, help="write every outcome to this file, a line each: two runs can be compared"
    )
    options.add_argument("wanted", nargs="*", metavar="FAMILY|CASE")
    given = options.parse_args()
    cases = chosen(given.wanted, subset=given.subset)
    print(f"oracle: {len(cases)} cases", file=sys.stderr)
    load, begun = os.getloadavg()[0], time.monotonic()
    results, told, versions = asyncio.run(judge(cases, Path(os.environ["CLUSTER"])))
    versions["machine"] = f"{os.cpu_count()} processors, load {load:.1f} before the run"
    versions["the run"] = f"{(time.monotonic() - begun) / 60:.0f} minutes"
    place = given.page or (None if given.wanted or given.subset else Path("docs/fidelity.md"))
    if place:
        place.write_text(page(results, told, versions))
    if given.list:
        given.list.write_text(outcomes(results) + outcomes(told))
    print(summary(results))
    bad = tell(results, all_of_them=bool(given.wanted))
    print("\nTold what the nodes know:\n\n" + summary(told))
    bad += tell(told, all_of_them=False)
    complaints = [f"no longer needs its reason: {case.id} ({case.known})" for case in needless(results, told)]
    complaints += [] if given.wanted else falls_short(results)
    print("\n".join(complaints))
    return 1 if bad or complaints else 0


def chosen(wanted: Sequence[str], *, subset: bool) -> list[Case]:
    cases = [case for case in all_cases() if not wanted or case.family in wanted or case.id in wanted]
    if not subset:
        return cases
    kept = [case for case in cases if zlib.crc32(case.id.encode()) % SUBSET_SHARE == 0]
    needed = {case.after for case in kept}
    return [case for case in cases if case.id in needed or (case in kept and case.patience <= SUBSET_PATIENCE)]


async def judge(cases: Sequence[Case], cluster: Path) -> tuple[list[Result], list[Result], dict[str, str]]:
    """Put up the world, ask Pullproof, run the pods; return all results, those of the last act, the parts' versions.

    Cases that come after others are asked in a second act, of a Pullproof that is new to a cluster where those run. In
    a third all are asked once more, of one that was told what the nodes know; their fates are known by then.
    """
    first = [case for case in cases if not case.after]
    second = [case for case in cases if case.after]
    scene = Scene(cluster, cases, SITES)
    async with AsyncExitStack() as stack:
        authority = await open_world(cluster, scene, stack)
        api = await stack.enter_async_context(Api(cluster))
        engine = Engine(api, scene)
        await engine.prepare(cases)
        await engine.until_listed(await scene.preload(unlisted=False))
        await api.create(await stack.enter_async_context(mutating(authority)))
        async with serving(cluster, authority, {}):
            await register(api, authority.file, selector=REGISTERED, probe=ASKED)
            await scene.preload(unlisted=True)
            await act(engine, first, kept={case.after for case in second})
        if second:
            async with serving(cluster, authority, {}, home=ELSEWHERE):
                await until_surveyed(api, ASKED)
                await act(engine, second)
        await engine.clear(case for case in cases if case.id in {each.after for each in second})
        async with serving(cluster, authority, told_settings(cluster), home=RUN):
            await until_surveyed(api, ASKED)
            told = await engine.ask(case for case in first if not comes_later(case))
        versions = await known_versions(api)
    with (cluster / "audit.log").open() as log:
        annotations = audited(log)
    results = results_of(engine, scene, cases, engine.replies, annotations)
    return results, results_of(engine, scene, cases, told, annotations), versions


async def open_world(cluster: Path, scene: Scene, stack: AsyncExitStack) -> Authority:
    await scene.put_up()
    (cluster / "registries").mkdir()
    authority = Authority(cluster / "registries", certificate=cluster / "ca.crt", key=cluster / "ca.key")
    registries = Server(scene.world, authority)
    stack.push_async_callback(registries.close)
    for listener in scene.listeners:
        await registries.listen(listener)
    return authority


async def act(engine: Engine, cases: Sequence[Case], *, kept: Container[str] = ()) -> None:
    engine.replies |= await engine.ask(cases)
    print(f"oracle: {len(cases)} cases are judged", file=sys.stderr)
    await engine.run(cases, kept=kept)


def told_settings(cluster: Path) -> dict[str, Any]:
    """Return what an operator may state: the nodes' mirrors, and their logins, beside which they hold none."""
    logins = str(cluster / "home/.docker/config.json")
    return {
        "nodes": {"logins": "none", "hostsDir": str(cluster / "hosts.d")},
        "credentials": {"dockerConfigFiles": [logins]},
    }


def results_of(
    engine: Engine,
    scene: Scene,
    cases: Sequence[Case],
    replies: Mapping[str, Reply],
    annotations: Mapping[str, Mapping[str, str]],
) -> list[Result]:
    later = {id_: verdict(reply, annotations) for id_, reply in engine.later_replies.items()}
    return [
        Result(
            case=case,
            image=scene.image(case),
            observation=engine.fates[case.id],
            verdict=verdict(replies[case.id], annotations),
            later_verdict=later.get(case.id),
            explanation=engine.explanations.get(case.id),
        )
        for case in cases
        if case.id in replies
    ]


async def known_versions(api: Api) -> dict[str, str]:
    node = (await api.get("/api/v1/nodes/node1"))["status"]["nodeInfo"]
    server = await api.get("/version")
    return {
        "kube-apiserver": server["gitVersion"],
        "kubelet": node["kubeletVersion"],
        "container runtime": node["containerRuntimeVersion"].replace("://", " "),
        "platform": f"{node['operatingSystem']}/{node['architecture']}",
    }


def tell(results: Sequence[Result], *, all_of_them: bool) -> int:
    """Print what must not be, and return how much of it there is."""
    bad = 0
    for result in results:
        bad += result.wrong or result.not_as_expected
        notes = [str(result.judgement)] if result.wrong or all_of_them else []
        notes += ["NOT WHAT IT CLAIMS TO BE"] if result.not_as_expected else []
        notes += ["another cause"] if result.other_cause and all_of_them else []
        if notes:
            fate = f"{result.observation.fate}: {result.observation.message}"[:300]
            print(f"{', '.join(notes)}: {result.case.id} ({result.image[:80]})\n    node: {fate}")
            print(f"    said: {result.verdict.said} {list(result.verdict.findings)} {result.verdict.text[:300]!r}")
            print(f"    explained: {result.explanation}")
    return bad


if __name__ == "__main__":
    sys.exit(main())
