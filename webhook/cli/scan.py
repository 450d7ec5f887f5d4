"""`pullproof scan`: what runs in a cluster now, and whether it would come up again."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from webhook.cli import completing, options
from webhook.cli.session import UsageProblem, session_of

if TYPE_CHECKING:
    from webhook.cli.cluster import ClusterWay

HELP = """Judge what runs in a cluster now: would it survive a reschedule?

Every image of every Deployment, StatefulSet, DaemonSet, Job, CronJob and pod is looked up as its node would, with the
pull secrets that are in the cluster now. Nothing is written to the cluster.

\b
Examples:
  pullproof scan                                   # the context's namespace
  pullproof scan -A -o wide
  pullproof scan -n shop -l app=api --fail-on warn
  pullproof scan -A --would-deny                   # before switching enforce on
  pullproof scan -A --watch --interval 10m
  pullproof scan -A -o text -o html --output report.html
"""


def scan(
    context: typer.Context,
    namespace: Annotated[
        str,
        typer.Option(
            "-n",
            "--namespace",
            metavar="NAME",
            autocompletion=completing.namespaces,
            help="Default: the context's.",
            show_default=False,
        ),
    ] = "",
    everywhere: Annotated[bool, typer.Option("-A", "--all-namespaces", help="All namespaces.")] = False,
    selector: Annotated[
        str, typer.Option("-l", "--selector", metavar="LABELS", help="Only objects with these labels, as in kubectl.")
    ] = "",
    would_deny: Annotated[
        bool,
        typer.Option("--would-deny", help="Only what the webhook would refuse if it were applied now (enforce)."),
    ] = False,
    watch: Annotated[bool, typer.Option("-w", "--watch", help="Look again and again; tell what changes.")] = False,
    interval: Annotated[
        str, typer.Option("--interval", metavar="TIME", help="With --watch: the pause between two looks.")
    ] = "5m",
    formats: options.Formats = None,
    files: options.Files = None,
    fail_on: options.FailOn = "fail",
    config: options.Config = "",
    platforms: options.Platforms = None,
    kubeconfig: options.Kubeconfig = "",
    kube_context: options.Context = "",
    deep: options.Deep = False,
    timeout: options.Timeout = "30s",
) -> int:
    """Judge what runs in a cluster now."""
    import asyncio

    from webhook.cli import choices
    from webhook.cli.cluster import ClusterWay
    from webhook.cli.configuration import configuration
    from webhook.cli.exitcode import FailOn
    from webhook.cli.judged import Order
    from webhook.cli.output import targets
    from webhook.cli.scanned import run
    from webhook.reports.formats import Format

    session = session_of(context)
    if everywhere and namespace:
        raise UsageProblem("-A and -n exclude each other; give one of them")
    order = Order(
        targets=targets(session.argv, [choices.choice(Format, "-o", each) for each in formats or ()], files or ()),
        fail_on=choices.choice(FailOn, "--fail-on", fail_on),
        timeout=choices.duration("--timeout", timeout),
        platforms=choices.platforms("--platform", platforms or ()),
    )
    area = Area(
        way=ClusterWay(kubeconfig=kubeconfig, context=kube_context),
        namespace=namespace,
        everywhere=everywhere,
        selector=selector,
        would_deny=would_deny,
        pause=choices.duration("--interval", interval) if watch else 0.0,
    )
    return asyncio.run(run(session, order, area, configuration(config), deep=deep))


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """What is to be looked at. `pause`: seconds between two looks, 0 for one look."""

    way: "ClusterWay"
    namespace: str
    everywhere: bool
    selector: str
    would_deny: bool
    pause: float
