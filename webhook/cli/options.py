"""The options that commands share. Values are texts; what they can mean is for `webhook.cli.choices` to say."""

from typing import Annotated

import typer

from webhook.cli.completing import contexts, namespaces

FORMATS = ("text", "wide", "json", "yaml", "sarif", "junit", "github", "gitlab", "markdown", "policy-report", "html")
FAIL_ON = ("fail", "warn", "error", "never")
CREDENTIALS = ("docker", "anonymous", "cluster")

Formats = Annotated[
    list[str] | None,
    typer.Option(
        "-o",
        "--format",
        metavar="FORMAT",
        autocompletion=lambda: list(FORMATS),
        help=f"{', '.join(FORMATS)}. Repeat it for more, each but one with a file of its own (--output).",
    ),
]
Files = Annotated[
    list[str] | None,
    typer.Option("--output", metavar="FILE", help="Write the format before it to a file, not to the terminal."),
]
FailOn = Annotated[
    str,
    typer.Option(
        "--fail-on",
        metavar="|".join(FAIL_ON),
        autocompletion=lambda: list(FAIL_ON),
        help="What exit code 1 is for.",
        show_default=True,
    ),
]
Config = Annotated[
    str,
    typer.Option("--config", metavar="FILE", help="Configuration; default: .pullproof.yaml here or further up."),
]
Namespace = Annotated[
    str,
    typer.Option(
        "-n",
        "--namespace",
        metavar="NAME",
        autocompletion=namespaces,
        help="The namespace of objects that name none. Default: the context's where a cluster is asked, else default.",
    ),
]
Kubeconfig = Annotated[
    str, typer.Option("--kubeconfig", metavar="FILE", help="Which cluster, as in kubectl.", show_default=False)
]
Context = Annotated[
    str,
    typer.Option(
        "--context",
        metavar="NAME",
        autocompletion=contexts,
        help="Which context of the kubeconfig.",
        show_default=False,
    ),
]
Platforms = Annotated[
    list[str] | None,
    typer.Option(
        "--platform", metavar="OS/ARCH", help="A platform that every image must have, for example linux/arm64."
    ),
]
Credentials = Annotated[
    str,
    typer.Option(
        "--credentials",
        metavar="|".join(CREDENTIALS),
        autocompletion=lambda: list(CREDENTIALS),
        help="Logins beside the documents': those of docker and podman on this machine; none; or the pull secrets "
        "and service accounts of the cluster, as pods there have them.",
        show_default=True,
    ),
]
Deep = Annotated[bool, typer.Option("--deep", help="Look at configs and layers too (broken-image).")]
Offline = Annotated[bool, typer.Option("--offline", help="Ask no registry: judge by what the text itself tells.")]
Timeout = Annotated[
    str,
    typer.Option("--timeout", metavar="TIME", help="The longest wait for the images of one object.", show_default=True),
]
