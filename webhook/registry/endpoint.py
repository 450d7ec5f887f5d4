"""Registry name -> the endpoints that a node asks for it, in order (pure).

    docker.io                          https://registry-1.docker.io
    localhost, 127.0.0.0/8, [::1]:port 80: http; none or 443: https, not verified; other: the same, and http if the
                                       server turns out to speak plain http
    anything else                      https, verified (also *.localhost, private addresses, port 80)

The operator's own settings for a registry go before its directory in a hosts.toml tree, and that before the rule
above. A registry named exactly goes before a pattern, the first pattern before the next. An http host that is given
TLS settings and no port 80 is tried as https first.

Source: containerd core/remotes/docker/config/hosts.go (ConfigureHosts), resolver.go (request, addNamespace).
"""

import posixpath
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import Flag, auto
from fnmatch import fnmatchcase
from ipaddress import ip_address
from urllib.parse import urlencode

from webhook.credentials.pattern import without_user
from webhook.registry.url import InvalidUrl, Url

HUB = "docker.io"
_HUB_HOST = "registry-1.docker.io"
_API = "/v2"


class InvalidRegistryOptions(ValueError):
    """A registry's settings say something that cannot be meant."""


class Capability(Flag):
    """What an endpoint is trusted with: `RESOLVE` tells what a tag points to, `PULL` serves what a digest names."""

    PULL = auto()
    RESOLVE = auto()


ALL = Capability.PULL | Capability.RESOLVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """How a server's certificate is judged, and what is shown to it, beside the system's CAs.

    `clients` are pairs of PEM files, certificate and key; "" for a key that lies in the certificate's file.
    `skip_verify` None is not stated; a stated False is TLS configuration all the same.
    """

    ca_files: tuple[str, ...] = ()
    clients: tuple[tuple[str, str], ...] = ()
    skip_verify: bool | None = None

    @property
    def stated(self) -> bool:
        """True when anything at all is said about TLS."""
        return self != Trust()


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a registry answers. `host` has its port; `path` is the API's root; `namespace` the registry's name.

    `fall_back`: go on with plain http when https is not spoken there. `headers` are the operator's and may hold
    secrets. `connect_timeout` in seconds, None for the client's own.
    """

    namespace: str
    scheme: str
    host: str
    path: str = _API
    capabilities: Capability = ALL
    trust: Trust = field(default_factory=Trust)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    connect_timeout: float | None = None
    fall_back: bool = False

    @property
    def base(self) -> str:
        """The base URL, as `Resolved.endpoint` tells it."""
        return f"{self.scheme}://{self.host}"

    @property
    def origin(self) -> str:
        """The base URL in the form that URLs are compared in; raises `InvalidUrl`."""
        return Url.parse(self.base).origin

    @property
    def port(self) -> str:
        """The port that is named, "" when none is."""
        return _port(self.host)

    @property
    def mirrored(self) -> bool:
        """True when this is not the registry's own host; such a host is told whom it stands in for."""
        return self.host != self.namespace and (self.namespace, self.host) != (HUB, _HUB_HOST)

    def url(self, repository: str, *parts: str, query: Sequence[tuple[str, str]] = ()) -> Url:
        """Return the URL of something in a repository; raise `InvalidUrl` for a host that cannot be asked."""
        path = posixpath.normpath("/".join(("", self.path, repository, *parts)))
        namespace = [("ns", self.namespace)] if self.mirrored else []
        encoded = urlencode(sorted((*query, *namespace)))
        return Url.parse(f"{self.base}/{path.lstrip('/')}" + (f"?{encoded}" if encoded else ""))

    def in_plain_http(self) -> "Endpoint":
        """Return the same endpoint without TLS."""
        return replace(self, scheme="http", fall_back=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryOptions:
    """An operator's settings for one registry, or for those that `match` fits.

    `match`: a registry as it stands in image names, port included; `*` and `?` stand for part of a label. `mirrors` are
    asked first, in order: a host or URL; a path in it is the API's root as it stands, without one it is /v2. The trust
    settings hold for the registry and its mirrors, `plain_http` for the registry alone (a mirror's URL says it).
    `max_concurrency` 0 is the default.
    """

    match: str
    mirrors: tuple[str, ...] = ()
    plain_http: bool = False
    insecure_skip_verify: bool = False
    ca_file: str = ""
    client_cert_file: str = ""
    client_key_file: str = ""
    max_concurrency: int = 0

    def __post_init__(self) -> None:
        if not self.match:
            raise InvalidRegistryOptions("a registry's `match` is empty; write its name as in image names: 'docker.io'")
        if self.max_concurrency < 0:
            raise InvalidRegistryOptions(f"maxConcurrency {self.max_concurrency} of {self.match!r} is negative")
        if self.client_key_file and not self.client_cert_file:
            raise InvalidRegistryOptions(f"{self.match!r} has a client key without a certificate")
        for mirror in self.mirrors:
            _mirror_url(mirror)

    @property
    def places(self) -> bool:
        """True when this says where or how to ask, so that a hosts.toml tree is not looked into."""
        return bool(self.mirrors or self.plain_http or self.trust.stated)

    @property
    def trust(self) -> Trust:
        """How the certificates of the registry and its mirrors are judged."""
        return Trust(
            ca_files=(self.ca_file,) if self.ca_file else (),
            clients=((self.client_cert_file, self.client_key_file),) if self.client_cert_file else (),
            skip_verify=self.insecure_skip_verify or None,
        )

    def fits(self, registry: str) -> bool:
        """Tell whether these settings are for `registry`."""
        pattern, name = self.match.lower(), registry.lower()
        return pattern.count(".") == name.count(".") and fnmatchcase(name, pattern.replace("[", "[[]"))

    def endpoints(self, registry: str) -> tuple[Endpoint, ...]:
        """Return the mirrors, then the registry itself."""
        mirrors = [_mirror(registry, _mirror_url(mirror), self.trust) for mirror in self.mirrors]
        own = default_endpoint(registry, trust=self.trust, scheme="http" if self.plain_http else "")
        return (*mirrors, own)


HostsTree = Callable[[str], tuple[Endpoint, ...] | None]
"""Looks a registry up in a hosts.toml tree; None when the tree does not speak of it (see hosts_toml.py)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Every registry's endpoints: settings, a hosts.toml tree, and the rule for the rest."""

    options: tuple[RegistryOptions, ...] = ()
    tree: HostsTree | None = None

    def of(self, registry: str) -> tuple[Endpoint, ...]:
        """Return the endpoints of `registry`, in the order a node asks them."""
        options = self.options_of(registry)
        if options is not None and options.places:
            return options.endpoints(registry)
        found = None if self.tree is None else self.tree(registry)
        return (default_endpoint(registry),) if found is None else found

    def options_of(self, registry: str) -> RegistryOptions | None:
        """Return the settings for `registry`: named exactly, or the first pattern that fits."""
        exact = (options for options in self.options if options.match == registry)
        fitting = (options for options in self.options if options.fits(registry))
        return next(exact, None) or next(fitting, None)


def default_endpoint(registry: str, *, trust: Trust | None = None, scheme: str = "") -> Endpoint:
    """Return where a node asks for `registry` when nothing else is configured; `scheme` overrides the rule."""
    trust = trust or Trust()
    if registry == HUB:
        return place(namespace=registry, scheme=scheme or "https", host=_HUB_HOST, trust=trust)
    if scheme or not is_loopback(registry):
        return place(namespace=registry, scheme=scheme or "https", host=registry, trust=trust)
    port = _port(registry)
    if port != "80":
        trust = replace(trust, skip_verify=True)
    return place(namespace=registry, scheme="https" if port in ("", "443") else "http", host=registry, trust=trust)


def place(*, namespace: str, scheme: str, host: str, trust: Trust, path: str = _API) -> Endpoint:
    """Return an endpoint; plain http with TLS settings means https first, except on port 80."""
    fall_back = scheme == "http" and trust.stated and _port(host) != "80"
    return Endpoint(
        namespace=namespace,
        scheme="https" if fall_back else scheme,
        host=host,
        path=path,
        trust=trust,
        fall_back=fall_back,
    )


def is_loopback(registry: str) -> bool:
    """Tell a registry on the node itself, as containerd does: brackets without a port are not taken off."""
    host = registry
    if _port(registry):
        host = registry.rpartition(":")[0].strip("[]")
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _port(host: str) -> str:
    """Return the port, "" when there is none."""
    return "" if host.endswith("]") else host.rpartition(":")[2] if ":" in host else ""


def _mirror(registry: str, url: Url, trust: Trust) -> Endpoint:
    host = url.host if url.port is None else f"{url.host}:{url.port}"
    path = posixpath.normpath(url.path)
    return place(namespace=registry, scheme=url.scheme, host=host, trust=trust, path=_API if path == "/" else path)


def _mirror_url(mirror: str) -> Url:
    try:
        url = Url.parse(mirror if "://" in mirror else f"https://{mirror}")
    except InvalidUrl as error:
        raise InvalidRegistryOptions(
            f"mirror {without_user(mirror)!r} is not a URL; write it like 'https://mirror.example' or 'https://mirror.example/v2/hub'"
        ) from error
    if url.query:
        raise InvalidRegistryOptions(f"mirror {mirror!r} has a query; leave it out")
    return url
