"""argv -> exit code: the table of commands, and the one place where an operator's error ends.

Only the module of the command that is asked for is imported; the others are known by name and one line of help, which
is what keeps `pullproof --help` and the completion of names quick.
"""

import re
import sys
from collections.abc import Callable
from importlib import import_module

import typer
from typer.core import TyperGroup

from webhook import __version__
from webhook.cli.session import INTERRUPTED, OK, USAGE, Session, UsageProblem
from webhook.cli.texts import take_texts

COMMANDS = {
    "check": "Judge the images of manifests: files, folders or standard input.",
    "image": "Judge single image references.",
    "explain": "Tell every step of a pull, and the one cause why it fails.",
    "scan": "Judge what runs in a cluster now: would it survive a reschedule?",
    "doctor": "See whether the installed webhook is well, and what it lacks.",
    "rules": "List the checks, or show one with its fix.",
    "config": "Show, validate or describe the configuration.",
    "serve": "Run the admission webhook.",
    "demo": "Show the webhook at work, without a cluster.",
}

_HELP_OF_ALL = """Know before you apply: which images of your pods a node could not pull, why, and what to do.

\b
Examples:
  pullproof check deploy/                            # before anything is applied, or in CI
  pullproof image ghcr.io/acme/api:1.4.2             # one image
  pullproof explain pod/api-5d9f7c-x2x8k -n shop     # why is this pod stuck?
  pullproof scan -A                                  # would what runs survive a reschedule?
"""

_EPILOG = "Exit codes: 0 fine, 1 findings, 2 usage or unreadable input, 3 could not find out, 130 interrupted."
_HELP = ["-h", "--help"]
_SETTINGS = {"help_option_names": _HELP, "max_content_width": 110}


def run(session: Session, *, program: str = "pullproof") -> int:
    """Run the command that `session.argv` names and return its exit code."""
    command = typer.main.get_command(_app(session, program))
    todo = [command]
    while todo:
        each = todo.pop()
        take_texts(each.get_params(typer.Context(each, help_option_names=_HELP)))
        todo.extend(each.commands.values() if isinstance(each, TyperGroup) else ())
    try:
        code = command.main(list(session.argv), prog_name=program, standalone_mode=False, obj=session)
    except typer.TyperException as error:
        return _refuse(session, program, error.format_message())
    except UsageProblem as error:
        session.say(f"error: {error}")
        return USAGE
    except (typer.Abort, KeyboardInterrupt):
        return INTERRUPTED
    return code if isinstance(code, int) else OK


def _refuse(session: Session, program: str, message: str) -> int:
    asked = next((word for word in session.argv if word in COMMANDS), "")
    command = f"{program} {asked}".rstrip()
    told = re.sub(r"\. Did you mean (.+)\?$", r"; did you mean \1?", message.rstrip("."))
    see = "" if told.endswith("?") else f"; see `{command} --help`"
    session.say(f"error: {told[:1].lower()}{told[1:]}{see}")
    return USAGE


def _app(session: Session, program: str) -> typer.Typer:
    app = typer.Typer(
        name="pullproof",
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings=_SETTINGS,
        epilog=_EPILOG,
    )
    app.callback(invoke_without_command=True, help=_typed(_HELP_OF_ALL, program))(_root)
    completing = any(name.endswith("_COMPLETE") and name.startswith("_") for name in session.environ)
    for name, help_line in COMMANDS.items():
        if completing or name in session.argv:
            _add(app, name, help_line, program)
        else:
            app.command(name, help=help_line)(_stub)
    app.command("version", help="Print the version.")(_version)
    return app


def _add(app: typer.Typer, name: str, help_line: str, program: str) -> None:
    """Add a command: its module holds a Typer called `app`, or a function of its own name, and its help as `HELP`."""
    module = import_module(f"webhook.cli.{name}")
    group = getattr(module, "app", None)
    if isinstance(group, typer.Typer):
        text = _typed(module.HELP, program)
        app.add_typer(group, name=name, help=text, short_help=help_line, context_settings=_SETTINGS)
    else:
        function: Callable[..., int] = getattr(module, name)
        text = _typed(module.HELP, program)
        app.command(name, help=text, short_help=help_line, context_settings=_SETTINGS)(function)


def _typed(text: str, program: str) -> str:
    """Return a help whose examples are as a person types them who calls the program `program`."""
    return re.sub(r"(^  |\| )pullproof ", rf"\1{program} ", text, flags=re.MULTILINE)


def _stub() -> int:
    raise AssertionError("a command is imported before it runs")


def _print_version(wanted: bool) -> None:
    if wanted:
        _version()
        raise typer.Exit


def _root(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", callback=_print_version, is_eager=True, help="Print the version."),
) -> None:
    """Print the help where no command is given."""
    del version
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def _version() -> int:
    sys.stdout.write(f"pullproof {__version__}\n")
    return OK
