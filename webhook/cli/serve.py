"""`pullproof serve`: the admission webhook."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from webhook.cli.session import OK, Session, UsageProblem, session_of

if TYPE_CHECKING:
    from webhook.cluster.secrets import SecretAccess
    from webhook.documents.pullsecrets import ManifestSecrets
    from webhook.server.assembly import Ports
    from webhook.server.certificate import CertificateSource

HELP = """Run the admission webhook.

\b
Examples:
  pullproof serve --config config.yaml --registration registration.yaml
  pullproof serve --no-cluster --documents secrets.yaml --port 8443
"""


def serve(
    context: typer.Context,
    config: Annotated[str, typer.Option("--config", metavar="FILE", help="Configuration; reloaded on change.")] = "",
    registration: Annotated[
        str,
        typer.Option("--registration", metavar="FILE", help="How to register in the cluster; written by the chart."),
    ] = "",
    kubeconfig: Annotated[str, typer.Option("--kubeconfig", metavar="FILE", help="Default: as kubectl.")] = "",
    kube_context: Annotated[str, typer.Option("--context", metavar="NAME", help="Context of the kubeconfig.")] = "",
    no_cluster: Annotated[
        bool, typer.Option("--no-cluster", help="Know no cluster: secrets from --documents.")
    ] = False,
    documents: Annotated[
        list[str] | None,
        typer.Option("--documents", metavar="PATH", help="With --no-cluster: Secrets and ServiceAccounts."),
    ] = None,
    secret_access: Annotated[
        str, typer.Option("--secret-access", metavar="cluster|namespaces|none", help="Which Secrets RBAC lets us read.")
    ] = "cluster",  # noqa: S107 - a mode, not a secret
    secret_namespaces: Annotated[
        list[str] | None,
        typer.Option("--secret-namespace", metavar="NAME", help="With --secret-access namespaces; repeat it."),
    ] = None,
    address: Annotated[str | None, typer.Option("--address", help="Listen here only.")] = None,
    port: Annotated[int | None, typer.Option("--port", help="Port of the reviews.")] = None,
    metrics_port: Annotated[int | None, typer.Option("--metrics-port", help="Port of /metrics, plain HTTP.")] = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Log allowed requests too.")] = False,
) -> int:
    """Run the admission webhook."""
    from webhook.server.assembly import Ports
    from webhook.server.log import configure_logging
    from webhook.server.run import run
    from webhook.wiring.memory import give_back_large_blocks

    give_back_large_blocks()
    session = session_of(context)
    configure_logging(logging.DEBUG if verbose else logging.INFO, session.err)
    if verbose:
        for chatty in ("httpcore", "asyncio", "aiohttp"):
            logging.getLogger(chatty).setLevel(logging.INFO)
    ports = Ports(address=address, port=port, metrics_port=metrics_port)
    path = Path(config) if config else None
    if no_cluster:
        main = _alone(session, path, documents or (), ports)
    else:
        access = _access(secret_access, secret_namespaces or ())
        main = _clustered(session, path, registration, (kubeconfig or None, kube_context or None), access, ports)
    try:
        run(main)
    except (ValueError, OSError) as error:
        raise UsageProblem(str(error)) from error
    return OK


async def _alone(session: Session, config: Path | None, documents: Sequence[str], ports: "Ports") -> None:
    from webhook.metrics import Metrics
    from webhook.server.assembly import Assembly
    from webhook.server.health import Health
    from webhook.server.run import stop_on_signals
    from webhook.wiring.registries import Surroundings
    from webhook.wiring.webhook import Known

    stop = asyncio.Event()
    stop_on_signals(stop)
    await Assembly(
        configuration=config,
        surroundings=Surroundings(environment=session.environ, loopback=True),
        known=Known(pull_secrets=_given(session, documents)),
        certificate=await _certificate(config) or await _own_certificate(),
        metrics=Metrics(version=_version()),
        health=Health(),
        ports=ports,
    ).run(stop)


async def _clustered(
    session: Session,
    config: Path | None,
    registration: str,
    way: tuple[str | None, str | None],
    access: "SecretAccess",
    ports: "Ports",
) -> None:
    from webhook.cluster.client import open_cluster
    from webhook.cluster.lastgood import LastGood
    from webhook.cluster.notebook import NAME
    from webhook.metrics import Metrics
    from webhook.server.clustered import Clustered
    from webhook.server.run import stop_on_signals
    from webhook.wiring.registration import CertificateKeeper, load_registration
    from webhook.wiring.registries import Surroundings

    stop = asyncio.Event()
    stop_on_signals(stop)
    registered = load_registration(Path(registration)) if registration else None
    self_managed = registered is not None and registered.certificates is CertificateKeeper.SELF_MANAGED
    async with open_cluster(*way) as api:
        namespace = session.environ.get("POD_NAMESPACE") or api.namespace
        kept = LastGood(api, namespace, NAME)
        await Clustered(
            api=api,
            namespace=namespace,
            identity=session.environ.get("POD_NAME") or f"pullproof-{id(stop):x}",
            configuration=config,
            surroundings=Surroundings(environment=session.environ),
            access=access,
            registered=registered,
            files=None if self_managed else await _certificate(config, kept.read) or await _own_certificate(),
            metrics=Metrics(version=_version()),
            ports=ports,
        ).run(stop)


def _access(mode: str, namespaces: Sequence[str]) -> "SecretAccess":
    from webhook.cli.choices import choice
    from webhook.cluster.secrets import SecretAccess, SecretMode

    return SecretAccess(mode=choice(SecretMode, "--secret-access", mode), namespaces=frozenset(namespaces))


def _given(session: Session, documents: Sequence[str]) -> "ManifestSecrets":
    """Take the secrets of the documents for all there are: whoever says --no-cluster knows no others."""
    from webhook.documents.pullsecrets import ManifestSecrets
    from webhook.documents.read import read

    found = read(documents, session.stdin, namespace="default")
    if found.problems:
        raise UsageProblem(str(found.problems[0]))
    return ManifestSecrets(found.secrets, found.accounts, complete=True)


async def _certificate(
    config: Path | None, last_good: Callable[[], Awaitable[str | None]] | None = None
) -> "CertificateSource | None":
    """Return the certificate that the configuration names (or, where it cannot be used, the last good one), if any."""
    from webhook.server.certificate import CertificateFiles
    from webhook.settings.decoding import decode
    from webhook.settings.loading import load

    try:
        server = load(config).server if config else None
    except ValueError:
        text = await last_good() if last_good is not None else None
        if text is None:
            raise
        server = decode(text, "the last good configuration").server
    return CertificateFiles(Path(server.cert_file), Path(server.key_file)) if server and server.cert_file else None


async def _own_certificate() -> "CertificateSource":
    """Issue a certificate for this machine, for those who try things out."""
    from datetime import timedelta

    from certs.issue import issue_authority, issue_leaf
    from webhook.server.certificate import CertificateInMemory

    now = datetime.now(UTC)
    memory = CertificateInMemory()
    authority = issue_authority(now, timedelta(days=30))
    memory.put(issue_leaf(authority, ["localhost", "127.0.0.1", "::1"], now, timedelta(days=30)))
    return memory


def _version() -> str:
    from webhook import __version__

    return __version__
