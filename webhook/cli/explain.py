"""`pullproof explain`: the troubleshooting guide, done."""

from typing import Annotated

import typer

from webhook.cli import options
from webhook.cli.session import OK, Session, UsageProblem, session_of

HELP = """Tell every step of a pull, and the one cause why it fails.

Of an image, of the objects in manifests (-f), or of a message that the kubelet has left in an event.

\b
Examples:
  pullproof explain ghcr.io/acme/api:1.4.2
  pullproof explain -f deploy/ Deployment/api
  pullproof explain --message "failed to authorize: failed to fetch oauth token: ... 403 Forbidden"
"""


def explain(
    context: typer.Context,
    subjects: Annotated[
        list[str] | None,
        typer.Argument(metavar="[REF|KIND/NAME...]", help="Images; with -f, objects (none: all).", show_default=False),
    ] = None,
    files: Annotated[
        list[str] | None, typer.Option("-f", "--filename", metavar="PATH", help="Manifests to find the objects in.")
    ] = None,
    message: Annotated[
        str, typer.Option("--message", metavar="TEXT", help="What the kubelet says, to be translated.")
    ] = "",
    output: Annotated[str, typer.Option("-o", "--format", metavar="text|markdown|json", help="The format.")] = "text",
    config: options.Config = "",
    namespace: options.Namespace = "",
    platforms: options.Platforms = None,
    credentials: options.Credentials = "docker",
    complete: Annotated[bool, typer.Option("--complete", help="The manifests are all there is.")] = False,
    timeout: options.Timeout = "30s",
) -> int:
    """Tell every step of a pull, and the one cause why it fails."""
    session = session_of(context)
    if message:
        return _translate(session, message)
    if not subjects and not files:
        raise UsageProblem("nothing to explain; name an image, or manifests with -f, or a --message")
    import asyncio

    from webhook.cli import choices
    from webhook.cli.configuration import configuration
    from webhook.cli.explaining import Question, chosen, explain_all
    from webhook.cli.judging import Logins, Wish
    from webhook.cli.single import single
    from webhook.documents.pullsecrets import ManifestSecrets
    from webhook.documents.read import Documents, read
    from webhook.reports.explain import ExplainFormat
    from webhook.wiring.known import Known

    documents = read(files, session.stdin, namespace=namespace or "default") if files else Documents()
    for problem in documents.problems:
        session.say(str(problem))
    if files:
        found = chosen(documents.workloads, subjects or (), problems=documents.problems)
    else:
        found = [single(text, namespace or "default") for text in subjects or ()]
    secrets = ManifestSecrets(documents.secrets, documents.accounts, complete=complete or not files)
    question = Question(
        format=choices.choice(ExplainFormat, "-o", output),
        timeout=choices.duration("--timeout", timeout),
        platforms=choices.platforms("--platform", platforms or ()),
    )
    logins = choices.choice(Logins, "--credentials", credentials)
    wish = Wish(settings=configuration(config), known=Known(pull_secrets=secrets), logins=logins)
    return asyncio.run(explain_all(session, question, wish, found))


def _translate(session: Session, message: str) -> int:
    from webhook.reports.kubelet import translate

    meaning = translate(message)
    if meaning is None:
        raise UsageProblem("this message says nothing of a pull that is known; give the event's whole text")
    print(f"{meaning.text} [{meaning.code}]\nmore: pullproof rules show {meaning.code}", file=session.out)
    return OK
