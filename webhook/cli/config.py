"""`pullproof config`: the values in force, whether a file is valid, and the schema for editors."""

from typing import Annotated

import typer

from webhook.cli import options
from webhook.cli.session import OK, UsageProblem, session_of

HELP = """Show, validate or describe the configuration: .pullproof.yaml, here or further up.

\b
Examples:
  pullproof config show                             # the values in force, defaults included
  pullproof config validate .pullproof.yaml
  pullproof config schema > pullproof.schema.json   # for editors
"""

app = typer.Typer(rich_markup_mode=None)


@app.command("show", help="Print the values in force, defaults included.")
def show(context: typer.Context, config: options.Config = "") -> int:
    """Print the effective configuration as YAML, with the file it comes from."""
    from webhook.cli.configuration import configuration, path_of
    from webhook.settings.publishing import show as effective

    session = session_of(context)
    text = effective(configuration(config))
    print(f"# from {path_of(config) or 'the defaults'}", file=session.out)
    session.out.write(text)
    return OK


@app.command("validate", help="Check configuration files.")
def validate(
    context: typer.Context,
    files: Annotated[
        list[str] | None, typer.Argument(metavar="FILE", help="Default: the file that would be used.")
    ] = None,
) -> int:
    """Say that every file is valid, or what is wrong with the first that is not."""
    from webhook.cli.configuration import configuration, path_of

    session = session_of(context)
    for named in files or ("",):
        path = path_of(named)
        if path is None:
            raise UsageProblem("no .pullproof.yaml here or further up; name a file")
        configuration(str(path))
        print(f"{path}: valid", file=session.out)
    return OK


@app.command("schema", help="Print the JSON Schema of the configuration.")
def schema(context: typer.Context) -> int:
    """Print the schema, for editors and for other checks."""
    import json

    from webhook.settings.publishing import schema as published

    print(json.dumps(published(), indent=2), file=session_of(context).out)
    return OK
