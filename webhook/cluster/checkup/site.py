"""One installation: its objects by the names that the chart gave them (I/O)."""

from dataclasses import dataclass, field

import msgspec

from webhook.cluster.api import Api, decode, segment
from webhook.cluster.failure import ClusterError, NotFound, Unavailable


class Registration(msgspec.Struct, frozen=True, rename="camel"):
    """What the chart says of names and certificates (ConfigMap NAME-registration)."""

    name: str
    service: str
    lease: str = ""
    configuration: str = ""
    secret: str = ""
    certificates: str = "selfManaged"
    provider: str = ""


class _Server(msgspec.Struct, rename="camel"):
    events: bool = False


class _Scan(msgspec.Struct, rename="camel"):
    enabled: bool = False
    policy_reports: bool = False


class Switches(msgspec.Struct):
    """What of the configuration takes rights of its own."""

    server: _Server = msgspec.field(default_factory=_Server)
    scan: _Scan = msgspec.field(default_factory=_Scan)


class _ConfigMap(msgspec.Struct):
    data: dict[str, str] | None = None


class _Container(msgspec.Struct):
    args: list[str] | None = None


class _Spec(msgspec.Struct, rename="camel"):
    containers: list[_Container] | None = None
    service_account_name: str = "default"


class _Metadata(msgspec.Struct):
    labels: dict[str, str] | None = None


class _Template(msgspec.Struct):
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)
    spec: _Spec = msgspec.field(default_factory=_Spec)


class _DeploymentSpec(msgspec.Struct):
    replicas: int = 1
    template: _Template = msgspec.field(default_factory=_Template)


class _DeploymentStatus(msgspec.Struct, rename="camel"):
    ready_replicas: int = 0
    updated_replicas: int = 0


class _Deployment(msgspec.Struct):
    spec: _DeploymentSpec = msgspec.field(default_factory=_DeploymentSpec)
    status: _DeploymentStatus = msgspec.field(default_factory=_DeploymentStatus)


class _ServiceSpec(msgspec.Struct):
    cluster_ip: str = msgspec.field(default="", name="clusterIP")


class _Service(msgspec.Struct):
    spec: _ServiceSpec = msgspec.field(default_factory=_ServiceSpec)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What an installation is made of.

    `configuration` is the text of config.yaml, None where it cannot be read; `address` the Service's.
    """

    namespace: str
    name: str
    registration: Registration
    configuration: str | None = None
    account: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    replicas: int = 0
    ready: int = 0
    updated: int = 0
    address: str = ""
    troubles: tuple[str, ...] = ()

    @property
    def host(self) -> str:
        """The name by which the API server calls the webhook."""
        return f"{self.registration.service}.{self.namespace}.svc"

    @property
    def switches(self) -> Switches:
        """What is switched on; nothing where the configuration cannot be read or makes no sense."""
        try:
            return msgspec.yaml.decode(self.configuration or "{}", type=Switches, strict=False)
        except (msgspec.MsgspecError, ValueError):
            return Switches()

    def option(self, name: str) -> tuple[str, ...]:
        """Return the values of one option of the webhook's own command line."""
        prefix = f"--{name}="
        return tuple(each.removeprefix(prefix) for each in self.arguments if each.startswith(prefix))


async def read_site(api: Api, namespace: str, name: str) -> Site:
    """Read an installation; raise `NotFound` where there is none and `ClusterError` where nothing can be read."""
    text = await _text(api, namespace, f"{name}-registration", "registration.yaml")
    try:
        registration = msgspec.yaml.decode(text, type=Registration)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Unavailable(f"ConfigMap {name}-registration makes no sense: {error}") from error
    troubles: list[str] = []
    configuration: str | None = None
    try:
        configuration = await _text(api, namespace, name, "config.yaml")
    except ClusterError as error:
        troubles.append(f"ConfigMap {name}: {error}")
    deployment = _Deployment()
    try:
        path = f"/apis/apps/v1/namespaces/{segment(namespace)}/deployments/{segment(name)}"
        deployment = decode(await api.request("GET", path), _Deployment)
    except ClusterError as error:
        troubles.append(f"Deployment {name}: {error}")
    service = _Service()
    try:
        path = f"/api/v1/namespaces/{segment(namespace)}/services/{segment(registration.service)}"
        service = decode(await api.request("GET", path), _Service)
    except ClusterError as error:
        troubles.append(f"Service {registration.service}: {error}")
    spec = deployment.spec.template.spec
    return Site(
        namespace=namespace,
        name=name,
        registration=registration,
        configuration=configuration,
        account=spec.service_account_name if spec.containers else "",
        labels=deployment.spec.template.metadata.labels or {},
        arguments=tuple(argument for each in spec.containers or () for argument in each.args or ()),
        replicas=deployment.spec.replicas if spec.containers else 0,
        ready=deployment.status.ready_replicas,
        updated=deployment.status.updated_replicas,
        address=service.spec.cluster_ip,
        troubles=tuple(troubles),
    )


async def _text(api: Api, namespace: str, name: str, key: str) -> str:
    path = f"/api/v1/namespaces/{segment(namespace)}/configmaps/{segment(name)}"
    found = decode(await api.request("GET", path), _ConfigMap)
    if not found.data or key not in found.data:
        raise NotFound(f"ConfigMap {name} has no {key}")
    return found.data[key]
