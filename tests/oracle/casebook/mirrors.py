"""hosts.toml on the node: mirrors that Pullproof was not told of, as by default nobody tells it.

What the registry itself says may then be overruled by a mirror, and the other way round; the node alone knows.
"""

from collections.abc import Iterator
from dataclasses import replace

from case import Case, Held, holding

from webhook.demo.site import Rule, Site

UNTOLD = "a mirror that only the node knows of"
UNPROVEN = "nothing in the cluster speaks for a mirror, and the operator stated none"


def cases() -> Iterator[Case]:
    yield _case("has-it", "the mirror has what the registry lacks", True, mirror=True, upstream=False)
    yield from _taught()
    yield _case("both", "both have it", True, mirror=True, upstream=True, knowable=True)
    yield _case(
        "lacks-it", "the mirror lacks it, the registry has it", True, mirror=False, upstream=True, knowable=True
    )
    yield _case("neither", "neither has it", False, mirror=False, upstream=False, knowable=True)
    yield _case("refuses", "the mirror says 403, the registry has it", True, status=403, upstream=True, knowable=True)
    yield _case("refuses-gone", "the mirror says 403, the registry lacks it", False, status=403, upstream=False)
    yield _case("fails", "the mirror says 500, the registry has it", True, status=500, upstream=True, knowable=True)
    yield _case(
        "pull-only",
        "a mirror without resolve is not asked for tags",
        True,
        status=500,
        upstream=True,
        capabilities='capabilities = ["pull"]',
        knowable=True,
    )
    yield _case("only", "no server beside the mirror, which has it", True, mirror=True, upstream=False, server=False)
    yield _case("path", "a mirror below a path", True, mirror=True, upstream=False, path="/v2/proxy", override=True)
    yield _case(
        "unreachable-upstream",
        "the mirror stands in for a registry that cannot be reached",
        True,
        mirror=True,
        upstream=None,
    )
    yield _case("plain-http", "a mirror over plain HTTP", True, mirror=True, upstream=False, scheme="http")


def _taught() -> Iterator[Case]:
    """What a Pullproof that is new to the cluster makes of what runs there."""
    daemon = "open.test/mirrors/daemon:1"
    yield Case(
        id="mirror-daemon",
        says="a DaemonSet that writes the nodes' mirrors",
        image=daemon,
        runs=True,
        kind="DaemonSet",
        holds=(holding(daemon),),
        host_path="/etc/containerd/certs.d",
    )
    taught = _case(
        "taught",
        "the mirror has what the registry lacks; a DaemonSet writes mirrors",
        True,
        mirror=True,
        upstream=False,
    )
    yield replace(taught, after="mirror-daemon", known="")


def _case(
    key: str,
    says: str,
    runs: bool,
    *,
    mirror: bool = False,
    upstream: bool | None = True,
    status: int = 0,
    capabilities: str = "",
    knowable: bool = False,
    server: bool = True,
    path: str = "",
    override: bool = False,
    scheme: str = "https",
) -> Case:
    host, other = f"{key}.mirrored.test", f"mirror-{key}.test"
    image = f"{host}/team/app:1"
    lines = [f'server = "https://{host}"' if server else "", f'[host."{scheme}://{other}{path}"]', capabilities]
    lines += ["override_path = true"] if override else []
    sites = [Site(hosts=(other,))] + ([Site(hosts=(host,))] if upstream is not None else [])
    holds: list[Held] = [holding(image)] if upstream else []
    holds += [holding(f"{other}/{'proxy/' if override else ''}team/app:1")] if mirror else []
    rules = (Rule(host=other, path="/manifests/", status=status),) if status else ()
    return Case(
        id=f"mirror-{key}",
        says=says,
        image=image,
        runs=runs,
        sites=tuple(sites),
        holds=tuple(holds),
        rules=rules,
        mirrors={host: "\n".join(filter(None, lines)) + "\n"},
        unknowable="" if knowable else UNTOLD,
        known=UNPROVEN if runs and not knowable and upstream is not None else "",
    )
