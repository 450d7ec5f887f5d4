"""`pullproof rules`: what is looked for, and what the kubelet would say of it."""

from pathlib import Path

import typer

from webhook.cli.session import OK, UsageProblem, session_of

HELP = """List the checks, or show one with its fix.

\b
Examples:
  pullproof rules list
  pullproof rules show image-not-found pull-secret-no-match
"""


def codes_known() -> list[str]:
    """Return the codes of all checks, for the shell to offer."""
    from webhook.policy.finding import Code

    return [code.value for code in Code]


app = typer.Typer(rich_markup_mode=None)


@app.command("list", help="List all checks: code, class, and what must hold.")
def list_rules(context: typer.Context) -> int:
    """Print a line a check."""
    from webhook.reports.rulebook import rulebook

    rules = rulebook()
    width = max(len(rule.code) for rule in rules)
    kinds = max(len(rule.kind) for rule in rules)
    for rule in rules:
        print(f"{rule.code.ljust(width)}  {rule.kind.ljust(kinds)}  {rule.page.title}", file=session_of(context).out)
    return OK


@app.command("show", help="Show checks with what the kubelet will say, and the fix.")
def show_rule(
    context: typer.Context,
    codes: list[str] = typer.Argument(
        metavar="CODE", autocompletion=codes_known, help="For example image-not-found.", show_default=False
    ),
) -> int:
    """Print the pages of the given checks."""
    from difflib import get_close_matches

    from webhook.reports.rulebook import rulebook

    rules = {rule.code.value: rule for rule in rulebook()}
    for code in codes:
        if code not in rules:
            near = get_close_matches(code, rules, 1)
            advice = f"did you mean {near[0]!r}?" if near else "`pullproof rules list` names them all"
            raise UsageProblem(f"no check {code!r}; {advice}")
    print("\n\n".join(rules[code].text for code in codes), file=session_of(context).out)
    return OK


@app.command("pages", hidden=True, help="Write docs/checks: a page a check, and the list of them.")
def write_pages(
    context: typer.Context, folder: Path = typer.Argument(help="The folder to write to.", show_default=False)
) -> int:
    """Write the pages; a test keeps the repository's equal to them."""
    del context
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")
    return OK


def pages() -> dict[str, str]:
    """Return the pages of docs/checks by file name."""
    from webhook.reports.rulebook import rulebook

    rules = rulebook()
    rows = [f"| [{rule.code}]({rule.code}.md) | {rule.kind} | {rule.page.title} |" for rule in rules]
    index = "\n".join(["# Checks", "", "| code | class | what must hold |", "|---|---|---|", *rows, ""])
    return {"README.md": index, **{f"{rule.code}.md": rule.markdown for rule in rules}}
