"""Whether anybody answers: endpoints, and who writes (I/O)."""

from datetime import UTC, datetime

import msgspec

from webhook.cluster.api import Api, decode, segment
from webhook.cluster.certificates import ServiceEndpoints
from webhook.cluster.checkup.line import Line, fail, ok, unread, warn
from webhook.cluster.checkup.site import Site
from webhook.cluster.failure import ClusterError, NotFound


class _LeaseSpec(msgspec.Struct, rename="camel"):
    holder_identity: str = ""
    renew_time: str = ""
    lease_duration_seconds: int = 15


class _Lease(msgspec.Struct):
    spec: _LeaseSpec = msgspec.field(default_factory=_LeaseSpec)


async def check_endpoints(api: Api, site: Site) -> list[Line]:
    """Look at who stands behind the Service, and at the rollout."""
    try:
        states = await ServiceEndpoints(api, site.namespace, site.registration.service).states()
    except ClusterError as error:
        return [unread("endpoints", "EndpointSlices", error)]
    ready, wanted = sum(states), max(site.replicas, 1)
    look = f"kubectl -n {site.namespace} get pods; kubectl -n {site.namespace} logs deploy/{site.name}"
    if not ready:
        return [fail("endpoints", f"none of {len(states)} is ready: nobody answers the API server", look)]
    if ready < wanted:
        return [warn("endpoints", f"{ready} of {wanted} ready", look)]
    if ready == 1:
        fix = "use replicaCount 2 or more: one replica is none while its node is drained"
        return [warn("endpoints", "1 ready, no other to take over", fix)]
    return [ok("endpoints", f"{ready} ready")]


async def check_writer(api: Api, site: Site, now: datetime) -> Line:
    """Look at the Lease: somebody must keep certificates and registration."""
    name = site.registration.lease
    look = f"kubectl -n {site.namespace} logs deploy/{site.name}"
    try:
        path = f"/apis/coordination.k8s.io/v1/namespaces/{segment(site.namespace)}/leases/{segment(name)}"
        lease = decode(await api.request("GET", path), _Lease).spec
    except NotFound:
        return fail("writer", f"Lease {name} is not there: no replica keeps certificates", "helm upgrade makes it anew")
    except ClusterError as error:
        return unread("writer", f"Lease {name}", error)
    if not lease.holder_identity:
        return warn("writer", f"nobody holds Lease {name}", look)
    try:
        age = (now - datetime.fromisoformat(lease.renew_time).astimezone(UTC)).total_seconds()
    except ValueError:
        return warn("writer", f"Lease {name} makes no sense", look)
    if age > 3 * lease.lease_duration_seconds:
        return fail("writer", f"{lease.holder_identity} has not renewed Lease {name} for {age:.0f} s", look)
    return ok("writer", lease.holder_identity)
