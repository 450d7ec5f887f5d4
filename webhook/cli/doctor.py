"""`pullproof doctor`: whether the installed webhook is well, and what it lacks."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from webhook.cli.session import FINDINGS, OK, Session, UsageProblem, session_of

if TYPE_CHECKING:
    from webhook.cluster.api import Api
    from webhook.cluster.checkup.line import Line
    from webhook.cluster.checkup.site import Site
    from webhook.registry.endpoint import Endpoint
    from webhook.settings.schema import Settings

HELP = """See whether the installed webhook is well, and what it lacks.

Certificates and caBundle, endpoints, rights, NetworkPolicies, registries, failure policy, what was learnt from the
cluster. Works from a terminal and inside the cluster (where it sees more of the network and less of the rights).

\b
Examples:
  pullproof doctor
  pullproof doctor -n security --name release-pullproof -o json
  kubectl -n pullproof-system exec deploy/pullproof -- pullproof doctor

Exit code: 0 where nothing fails, 1 where something does, 2 where the cluster cannot be asked.
"""

_LAST = date.max


def doctor(
    context: typer.Context,
    namespace: Annotated[str, typer.Option("-n", "--namespace", metavar="NAME", help="Where the webhook is.")] = "",
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="Its Deployment.", show_default=True)
    ] = "pullproof",
    kubeconfig: Annotated[str, typer.Option("--kubeconfig", metavar="FILE", help="Default: as kubectl.")] = "",
    kube_context: Annotated[str, typer.Option("--context", metavar="NAME", help="Context of the kubeconfig.")] = "",
    output: Annotated[str, typer.Option("-o", "--format", metavar="text|json", help="The format.")] = "text",
    registry: Annotated[
        list[str] | None, typer.Option("--registry", metavar="NAME", help="Try this registry too; repeat it.")
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Try no registry and no connection.")] = False,
) -> int:
    """See whether the installed webhook is well, and what it lacks."""
    import asyncio

    from webhook.cluster.checkup.line import Grade
    from webhook.cluster.client import open_cluster
    from webhook.cluster.failure import ClusterError, InvalidKubeconfig

    session = session_of(context)
    if output not in {"text", "json"}:
        raise UsageProblem(f"-o cannot be {output!r}; known are text, json")
    inside = bool(session.environ.get("KUBERNETES_SERVICE_HOST"))
    place = namespace or session.environ.get("POD_NAMESPACE") or "pullproof-system"

    async def examine() -> list["Line"]:
        async with open_cluster(kubeconfig or None, kube_context or None) as api:
            checkup = _Checkup(api, place, name, inside=inside, offline=offline, registries=tuple(registry or ()))
            return await checkup.run()

    try:
        lines = asyncio.run(examine())
    except (InvalidKubeconfig, ClusterError) as error:
        raise UsageProblem(str(error)) from error
    _print(session, lines, output)
    return FINDINGS if any(line.grade is Grade.FAIL for line in lines) else OK


class _Checkup:
    """All that is looked at, in the order in which things have to work."""

    def __init__(
        self, api: "Api", namespace: str, name: str, *, inside: bool, offline: bool, registries: tuple[str, ...]
    ) -> None:
        self._api = api
        self._namespace = namespace
        self._name = name
        self._inside = inside
        self._offline = offline
        self._registries = registries

    async def run(self) -> list["Line"]:
        """Look at everything; raise `ClusterError` where the API server cannot be asked at all."""
        from webhook.cluster.checkup.line import fail, unread
        from webhook.cluster.checkup.registration import check_version
        from webhook.cluster.checkup.site import read_site
        from webhook.cluster.failure import Denied, NotFound

        lines = [await check_version(self._api)]
        try:
            site = await read_site(self._api, self._namespace, self._name)
        except NotFound as error:
            fix = "helm install pullproof charts/pullproof -n pullproof-system --create-namespace, or say -n and --name"
            message = f"no {self._name} in namespace {self._namespace}: {error}"
            return [*lines, fail("installation", message, fix)]
        except Denied as error:
            return [*lines, unread("installation", f"it in namespace {self._namespace}", error)]
        return lines + await self._installed(site)

    async def _installed(self, site: "Site") -> list["Line"]:
        from webhook.cluster.checkup.egress import check_egress
        from webhook.cluster.checkup.knowledge import check_labels, check_learnt, check_mutators, check_node_mirrors
        from webhook.cluster.checkup.line import warn
        from webhook.cluster.checkup.registration import check_registration
        from webhook.cluster.checkup.rights import check_rights
        from webhook.cluster.checkup.service import check_endpoints, check_writer
        from webhook.settings.policy import statements_of

        now = datetime.now(UTC)
        lines = [warn("installation", trouble, "run doctor as somebody who may read it") for trouble in site.troubles]
        registration, bundle = await check_registration(self._api, site)
        settings, configuration = configured(site.configuration, now.date())
        lines += registration
        lines += await self._certificate(site, bundle, now)
        lines += await check_endpoints(self._api, site)
        lines.append(await check_writer(self._api, site, now))
        lines += configuration
        lines += await check_rights(self._api, site, own=self._inside)
        lines += await check_egress(self._api, site)
        lines += await check_labels(self._api)
        lines += await check_mutators(self._api, statements_of(settings))
        lines += await check_node_mirrors(self._api, statements_of(settings))
        lines += await check_learnt(self._api, site, _stated_logins(settings))
        return lines + await self._reach(settings)

    async def _certificate(self, site: "Site", bundle: bytes, now: datetime) -> list["Line"]:
        from webhook.cluster.checkup.certificate import TOPIC, check_served, check_stored

        if not bundle:
            return []
        served = await check_served(site, bundle, host=site.address) if self._inside and not self._offline else []
        if any(line.topic == TOPIC for line in served):
            return served
        return served + await check_stored(self._api, site, bundle, now)

    async def _reach(self, settings: "Settings") -> list["Line"]:
        import asyncio

        from webhook.cluster.checkup.images import registries_in_use
        from webhook.registry.endpoint import Endpoints

        if self._offline:
            return []
        options = tuple(each.options() for each in settings.registries)
        named = {each.match for each in options if not set(each.match) & set("*?[")} | set(self._registries)
        names = dict.fromkeys([*sorted(named), *await registries_in_use(self._api)])
        endpoints = Endpoints(options=options)
        lines = await asyncio.gather(*(_try(name, each) for name in names for each in endpoints.of(name)))
        places = [name for name in names for _ in endpoints.of(name)]
        return [
            line if self._inside and name in named else _softened(line, inside=self._inside)
            for name, line in zip(places, lines, strict=True)
        ]


def _softened(line: "Line", *, inside: bool) -> "Line":
    """Make a warning of a registry that only some pod names, or that only this machine cannot reach."""
    from dataclasses import replace

    from webhook.cluster.checkup.line import Grade

    if line.grade is not Grade.FAIL:
        return line
    where = "" if inside else "from this machine: "
    return replace(line, grade=Grade.WARN, message=f"{where}{line.message}")


async def _try(name: str, endpoint: "Endpoint") -> "Line":
    from webhook.cluster.checkup.line import warn
    from webhook.cluster.checkup.reach import check_registry
    from webhook.registry.tls import InvalidCertificateFile, TlsContexts

    shown = f"{name} at {endpoint.host}" if endpoint.mirrored else name
    try:
        trust = TlsContexts(endpoint.trust)(endpoint.host, 443)
    except InvalidCertificateFile as error:
        return warn(f"registry {shown}", f"not tried from here: {error}", "run doctor inside the cluster")
    return await check_registry(shown, f"{endpoint.base}{endpoint.path}", trust=trust)


def configured(text: str | None, today: date) -> tuple["Settings", list["Line"]]:
    """Judge the configuration; where it cannot be used, the defaults stand in for it."""
    from webhook.cluster.checkup.line import fail, ok, warn
    from webhook.settings.decoding import InvalidSettings, decode
    from webhook.settings.schema import Settings, Switch

    if text is None:
        return Settings(), []
    try:
        settings = decode(text, "config.yaml")
    except InvalidSettings as error:
        fix = "correct the ConfigMap: `pullproof config validate` says the same of a file"
        return Settings(), [fail("configuration", f"refused, the one before is in force: {error}", fix)]
    lines = [ok("configuration", f"enforce={settings.defaults.enforce}, warn={settings.defaults.warn}")]
    if settings.enforce is Switch.OFF:
        lines = [
            warn("configuration", "enforce: off: nothing is denied anywhere", "remove `enforce: off` when it is time")
        ]
    for exemption in settings.exemptions:
        if (exemption.expires or _LAST) < today:
            message = f"the exemption {exemption.reason!r} ended on {exemption.expires}"
            lines.append(warn("configuration", message, "renew it or remove it"))
    return settings, lines


def _stated_logins(settings: "Settings") -> str:
    logins = settings.nodes.logins
    return logins if isinstance(logins, str) else "registries"


def _print(session: Session, lines: Sequence["Line"], output: str) -> None:
    if output == "json":
        rows = [{"grade": each.grade, "topic": each.topic, "message": each.message, "fix": each.fix} for each in lines]
        print(json.dumps({"schemaVersion": 1, "lines": rows}, indent=2), file=session.out)
        return
    print(render(lines, colours=session.colours), file=session.out)


_COLOURS = {"ok": "32", "warn": "33", "fail": "1;31"}


def render(lines: Sequence["Line"], *, colours: bool = False) -> str:
    """Return the lines for a person, the fix under what it mends."""
    from webhook.reports.escape import clean

    width = max((len(line.topic) for line in lines), default=0)
    rows = []
    for line in lines:
        grade = f"{line.grade:<4}"
        grade = f"\x1b[{_COLOURS[line.grade]}m{grade}\x1b[0m" if colours else grade
        rows.append(f"{grade}  {clean(line.topic):<{width}}  {clean(line.message)}")
        if line.fix:
            rows.append(f"{'':<{width + 6}}  fix: {clean(line.fix)}")
    return "\n".join(rows)
