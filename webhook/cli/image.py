"""`pullproof image`: single references, as if a pod named them."""

from typing import Annotated

import typer

from webhook.cli import options
from webhook.cli.session import UsageProblem, session_of

HELP = """Judge single image references.

\b
Examples:
  pullproof image nginx:1.29 ghcr.io/acme/api:1.4.2
  pullproof image alpine --platform linux/arm64 --platform linux/amd64
  pullproof image reg.corp.example/db:9 --credentials anonymous -o json
  pullproof image reg.corp.example/db:9 --credentials cluster -n shop    # as a pod in shop that names no pull secrets
"""


def image(
    context: typer.Context,
    references: Annotated[
        list[str],
        typer.Argument(metavar="REF", help="For example nginx:1.29 or ghcr.io/acme/api@sha256:...", show_default=False),
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
    timeout: options.Timeout = "30s",
) -> int:
    """Judge single image references."""
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
    if not all(each.strip() for each in references):
        raise UsageProblem("an empty text is no image; name one, for example nginx:1.29")
    logins = choices.choice(Logins, "--credentials", credentials)
    order = Order(
        targets=targets(session.argv, [choices.choice(Format, "-o", each) for each in formats or ()], files or ()),
        fail_on=choices.choice(FailOn, "--fail-on", fail_on),
        timeout=choices.duration("--timeout", timeout),
        platforms=choices.platforms("--platform", platforms or ()),
    )
    settings, way = configuration(config), ClusterWay(kubeconfig=kubeconfig, context=kube_context)

    async def look() -> int:
        from webhook.cli.cluster import credentials as open_credentials
        from webhook.cli.judged import carry_out
        from webhook.cli.judging import Wish
        from webhook.cli.single import single
        from webhook.documents.pullsecrets import ManifestSecrets
        from webhook.wiring.known import Known

        async with open_credentials(logins, way) as (usual, cluster):
            known = Known(pull_secrets=cluster or ManifestSecrets((), (), complete=True))
            wish = Wish(settings=settings, known=known, logins=logins, deep=deep, offline=offline)
            workloads = [single(text, namespace or usual, template=cluster is not None) for text in references]
            return await carry_out(session, order, wish, workloads)

    return asyncio.run(look())
