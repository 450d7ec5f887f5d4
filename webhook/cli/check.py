"""`pullproof check`: the images of manifests, before anything is applied."""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from webhook.cli import options
from webhook.cli.session import Session, UsageProblem, session_of

if TYPE_CHECKING:
    from webhook.cli.cluster import ClusterWay
    from webhook.cli.judged import Order
    from webhook.cli.judging import Logins
    from webhook.documents.source import SourcedWorkload
    from webhook.settings.schema import Settings

HELP = """Judge the images of manifests: files, folders or standard input.

Every image of every object with a pod in it is looked up as a node would do it, with the pull secrets that stand
beside it. YAML that is no Kubernetes object is left alone.

\b
Examples:
  pullproof check deploy/
  helm template charts/api | pullproof check -
  pullproof check deploy/ --credentials cluster -n shop
  pullproof check deploy/ -o text -o sarif --output results.sarif
  pullproof check . --changed-since origin/main --fail-on warn
  pullproof check . --write-baseline .pullproof-baseline.json
"""


def check(
    context: typer.Context,
    paths: Annotated[
        list[str],
        typer.Argument(metavar="PATH", help="Files, folders, or - for standard input.", show_default=False),
    ],
    formats: options.Formats = None,
    files: options.Files = None,
    fail_on: options.FailOn = "fail",
    config: options.Config = "",
    namespace: options.Namespace = "",
    platforms: options.Platforms = None,
    credentials: options.Credentials = "docker",
    kubeconfig: options.Kubeconfig = "",
    kube_context: options.Context = "",
    deep: options.Deep = False,
    offline: options.Offline = False,
    complete: Annotated[
        bool,
        typer.Option(
            "--complete",
            help="The documents are all there is: a Secret or ServiceAccount that is not among them does not exist.",
        ),
    ] = False,
    baseline: Annotated[
        str, typer.Option("--baseline", metavar="FILE", help="Findings that are known and do not count.")
    ] = "",
    write_baseline: Annotated[
        str,
        typer.Option("--write-baseline", metavar="FILE", help="Write today's findings as the baseline, and exit 0."),
    ] = "",
    changed_since: Annotated[
        str,
        typer.Option(
            "--changed-since",
            metavar="REV",
            help="Judge only what files of this git checkout that differ from REV hold.",
        ),
    ] = "",
    timeout: options.Timeout = "30s",
) -> int:
    """Judge the images of manifests: files, folders or standard input."""
    import asyncio

    from webhook.cli import choices
    from webhook.cli.cluster import ClusterWay
    from webhook.cli.configuration import configuration
    from webhook.cli.exitcode import FailOn
    from webhook.cli.judged import Order
    from webhook.cli.judging import Logins
    from webhook.cli.output import targets
    from webhook.reports.formats import Format

    session = session_of(context)
    logins = choices.choice(Logins, "--credentials", credentials)
    if complete and logins is Logins.CLUSTER:
        raise UsageProblem("--complete says that nothing exists beside the documents; leave it out to ask the cluster")
    order = Order(
        targets=targets(session.argv, [choices.choice(Format, "-o", each) for each in formats or ()], files or ()),
        fail_on=choices.choice(FailOn, "--fail-on", fail_on),
        timeout=choices.duration("--timeout", timeout),
        platforms=choices.platforms("--platform", platforms or ()),
        baseline=baseline,
        write_baseline=write_baseline,
    )
    what = _What(
        paths=tuple(paths),
        namespace=namespace,
        complete=complete,
        changed=_changed(changed_since),
        settings=configuration(config),
        logins=logins,
        way=ClusterWay(kubeconfig=kubeconfig, context=kube_context),
        deep=deep,
        offline=offline,
    )
    return asyncio.run(_check(session, order, what))


@dataclass(frozen=True, slots=True, kw_only=True)
class _What:
    """What is to be checked, and by what. `changed`: the files that count, None for all."""

    paths: tuple[str, ...]
    namespace: str
    complete: bool
    changed: frozenset[str] | None
    settings: "Settings"
    logins: "Logins"
    way: "ClusterWay"
    deep: bool
    offline: bool


async def _check(session: Session, order: "Order", what: _What) -> int:
    from webhook.cli.cluster import credentials
    from webhook.cli.judged import carry_out
    from webhook.cli.judging import Wish
    from webhook.documents.pullsecrets import ManifestSecrets
    from webhook.documents.read import read
    from webhook.wiring.given import GivenThenCluster
    from webhook.wiring.known import Known

    async with credentials(what.logins, what.way) as (namespace, cluster):
        documents = read(what.paths, session.stdin, namespace=what.namespace or namespace)
        workloads = [each for each in documents.workloads if _counts(each, what.changed)]
        for chart in documents.charts:
            session.say(f"{chart}: an unrendered Helm chart, skipped; `helm template {chart} | pullproof check -`")
        if not workloads and not documents.problems:
            _tell_nothing(session, documents.objects, documents.skipped, narrowed=what.changed is not None)
        given = ManifestSecrets(documents.secrets, documents.accounts, complete=what.complete)
        known = Known(pull_secrets=GivenThenCluster(given, cluster) if cluster else given)
        wish = Wish(settings=what.settings, known=known, logins=what.logins, deep=what.deep, offline=what.offline)
        told = documents.skipped if workloads else 0  # else it has been said
        return await carry_out(session, order, wish, workloads, documents.problems, skipped=told)


def _counts(found: "SourcedWorkload", changed: frozenset[str] | None) -> bool:
    return changed is None or os.path.realpath(found.file) in changed


def _changed(revision: str) -> frozenset[str] | None:
    if not revision:
        return None
    from webhook.cli.changed import changed_since

    return changed_since(revision, os.getcwd())


def _tell_nothing(session: Session, objects: int, skipped: int, *, narrowed: bool) -> None:
    """Say why there is nothing to judge: a gate that looks at the wrong folder should not look green in silence."""
    looked = f"{_counted(objects, 'Kubernetes object')} and {_counted(skipped, 'other YAML document')}"
    session.say(f"no images{' in what changed' if narrowed else ''}: {looked} looked at")


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
