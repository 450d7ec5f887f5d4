"""`pullproof explain`: the troubleshooting guide, done."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from webhook.cli import options
from webhook.cli.session import OK, Session, UsageProblem, session_of

if TYPE_CHECKING:
    from webhook.cli.cluster import ClusterWay
    from webhook.cli.explaining import Question
    from webhook.cli.judging import Logins
    from webhook.settings.schema import Settings

HELP = """Tell every step of a pull, and the one cause why it fails.

Of a pod or a workload in the cluster, with what its kubelet says; of an image; of the objects in manifests (-f); or of
a message that the kubelet has left in an event.

\b
Examples:
  pullproof explain pod/api-5d9f7c-x2x8k -n shop
  pullproof explain deploy/api -n shop -o markdown
  pullproof explain ghcr.io/acme/api:1.4.2
  pullproof explain -f deploy/ Deployment/api
  pullproof explain --message "failed to authorize: failed to fetch oauth token: ... 403 Forbidden"
"""

_FORMATS = ("text", "markdown", "json")


def explain(
    context: typer.Context,
    subjects: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="KIND/NAME|REF",
            help="Objects of the cluster, or images; with -f, objects there.",
            show_default=False,
        ),
    ] = None,
    files: Annotated[
        list[str] | None, typer.Option("-f", "--filename", metavar="PATH", help="Manifests to find the objects in.")
    ] = None,
    message: Annotated[
        str, typer.Option("--message", metavar="TEXT", help="What the kubelet says, to be translated.")
    ] = "",
    output: Annotated[
        str,
        typer.Option(
            "-o",
            "--format",
            metavar="|".join(_FORMATS),
            autocompletion=lambda: list(_FORMATS),
            help="The format.",
            show_default=True,
        ),
    ] = "text",
    config: options.Config = "",
    namespace: options.Namespace = "",
    platforms: options.Platforms = None,
    credentials: options.Credentials = "docker",
    kubeconfig: options.Kubeconfig = "",
    kube_context: options.Context = "",
    complete: Annotated[bool, typer.Option("--complete", help="The manifests are all there is.")] = False,
    timeout: options.Timeout = "30s",
) -> int:
    """Tell every step of a pull, and the one cause why it fails."""
    session = session_of(context)
    if message:
        return _translate(session, message)
    if not subjects and not files:
        raise UsageProblem("nothing to explain; name an object or an image, or manifests with -f, or a --message")
    import asyncio

    from webhook.cli import choices
    from webhook.cli.cluster import ClusterWay
    from webhook.cli.configuration import configuration
    from webhook.cli.explaining import Question
    from webhook.cli.judging import Logins
    from webhook.cli.objects import named
    from webhook.reports.explain import ExplainFormat

    question = Question(
        format=choices.choice(ExplainFormat, "-o", output),
        timeout=choices.duration("--timeout", timeout),
        platforms=choices.platforms("--platform", platforms or ()),
    )
    logins = choices.choice(Logins, "--credentials", credentials)
    settings, way = configuration(config), ClusterWay(kubeconfig=kubeconfig, context=kube_context)
    objects, references = ([], []) if files else named(subjects or ())
    if objects and references:
        raise UsageProblem(f"{references[0]!r} is an image and {str(objects[0])!r} an object; explain them one by one")
    if objects:
        from webhook.cli.live import explain_live

        return asyncio.run(explain_live(session, question, way, settings, objects, namespace))
    asked = _Asked(tuple(subjects or ()), tuple(files or ()), namespace, complete, logins, way)
    return asyncio.run(_explain(session, question, asked, settings))


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked of manifests, or of single images."""

    subjects: tuple[str, ...]
    files: tuple[str, ...]
    namespace: str
    complete: bool
    logins: "Logins"
    way: "ClusterWay"


async def _explain(session: Session, question: "Question", asked: _Asked, settings: "Settings") -> int:
    from webhook.cli.cluster import credentials
    from webhook.cli.explaining import chosen, explain_all
    from webhook.cli.judging import Wish
    from webhook.cli.single import single
    from webhook.documents.pullsecrets import ManifestSecrets
    from webhook.documents.read import Documents, read
    from webhook.wiring.given import GivenThenCluster
    from webhook.wiring.known import Known

    async with credentials(asked.logins, asked.way) as (usual, cluster):
        namespace = asked.namespace or usual
        documents = read(asked.files, session.stdin, namespace=namespace) if asked.files else Documents()
        for problem in documents.problems:
            session.say(str(problem))
        if asked.files:
            found = chosen(documents.workloads, asked.subjects, problems=documents.problems)
        else:
            found = [single(text, namespace, template=cluster is not None) for text in asked.subjects]
        given = ManifestSecrets(documents.secrets, documents.accounts, complete=asked.complete or not asked.files)
        known = Known(pull_secrets=GivenThenCluster(given, cluster) if cluster else given)
        return await explain_all(session, question, Wish(settings=settings, known=known, logins=asked.logins), found)


def _translate(session: Session, message: str) -> int:
    from webhook.reports.kubelet import translate

    meaning = translate(message)
    if meaning is None:
        raise UsageProblem("this message says nothing of a pull that is known; give the event's whole text")
    print(f"{meaning.text} [{meaning.code}]\nmore: pullproof rules show {meaning.code}", file=session.out)
    return OK
