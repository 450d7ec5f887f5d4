"""`pullproof demo`: see it work, without a cluster and without a network."""

import asyncio
from typing import Annotated

import typer

from webhook.cli.session import FINDINGS, OK, session_of

HELP = """Show the webhook at work: registries of its own, sample workloads, no cluster needed.

\b
Examples:
  pullproof demo
  pullproof demo --hold      # then, in another terminal: pullproof check examples/demo
"""


def demo(
    context: typer.Context,
    hold: Annotated[bool, typer.Option("--hold", help="Keep it up to play with, until Ctrl-C.")] = False,
) -> int:
    """Show the webhook at work: registries of its own, sample workloads, no cluster needed."""
    from webhook.demo.walk import walk

    return OK if asyncio.run(walk(session_of(context).out, hold=hold)) else FINDINGS
