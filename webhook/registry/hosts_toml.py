"""One hosts.toml of containerd -> the hosts it names (pure).

    server = "https://upstream.example"        last; without it: the registry itself
    [host."https://mirror.example"]            first, in file order
      capabilities = ["pull", "resolve"]       default: everything
      override_path = true                     the URL's path is the API's root as it stands
      ca = "…" | ["…"]     client = "…" | ["…"] | [["cert", "key"]]     skip_verify = true
      dial_timeout = "5s"
      [host."https://mirror.example".header]
        x-name = "value" | ["value"]

Paths are relative to the file's directory. What containerd would not decode raises `MalformedHosts`; containerd then
goes on as if there were no file, with the certificates that lie in the directory.

Source: containerd core/remotes/docker/config/hosts.go (parseHostsFile, parseHostConfig), docs/hosts.md.
"""

import posixpath
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field

from webhook.credentials.pattern import without_user
from webhook.registry.endpoint import ALL, Capability, Endpoint, Trust, default_endpoint, place
from webhook.registry.url import InvalidUrl, Url

Toml = Mapping[str, object]

_API = "/v2"
_LONGEST = 256 * 1024
_MOST_DOTS = 200
_CAPABILITIES = {
    "pull": Capability.PULL,
    "resolve": Capability.RESOLVE,
    "push": Capability(0),
    "referrers": Capability(0),
}
_DURATIONS = re.compile(r"\+?(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+", re.ASCII)
_PART = re.compile(r"([0-9.]+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


class MalformedHosts(ValueError):
    """containerd would not read this hosts.toml."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """One host of a file; `server` None stands for the registry that the file is for."""

    server: Url | None = None
    path: str = _API
    capabilities: Capability = ALL
    trust: Trust = field(default_factory=Trust)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    connect_timeout: float | None = None


def parse(text: str, *, directory: str) -> tuple[Host, ...]:
    """Read a file; raise `MalformedHosts`. The last host is the `server`."""
    _refuse_monster(text)
    try:
        document: Toml = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise MalformedHosts(f"not TOML: {error}") from error
    named = _table(document, "host")
    hosts = [_host(server, _lower(_table(named, server)), directory) for server in named]
    top = _lower(document)
    return (*hosts, _host(_string(top, "server"), top, directory))


def endpoints(hosts: tuple[Host, ...], registry: str) -> tuple[Endpoint, ...]:
    """Return the endpoints that these hosts are for `registry`."""
    return tuple(_endpoint(host, registry) for host in hosts)


def directories(registry: str) -> tuple[str, ...]:
    """Return the names of the directories that are looked for, in order."""
    host, colon, port = registry.rpartition(":")
    flat = (f"{host}_{port}_",) if colon and host else ()
    return (*flat, registry, "_default")


def _refuse_monster(text: str) -> None:
    """Refuse what tomllib would need the square of its length for: a key of very many parts."""
    if len(text) > _LONGEST:
        raise MalformedHosts(f"longer than {_LONGEST} characters")
    if any(line.count(".") > _MOST_DOTS for line in text.splitlines()):
        raise MalformedHosts(f"a line with more than {_MOST_DOTS} dots is no setting")


def _endpoint(host: Host, registry: str) -> Endpoint:
    if host.server is None:
        own = default_endpoint(registry, trust=host.trust)
        return _with_settings(own, host)
    url = host.server
    name = url.host if url.port is None else f"{url.host}:{url.port}"
    named = place(namespace=registry, scheme=url.scheme, host=name, trust=host.trust, path=host.path)
    return _with_settings(named, host)


def _with_settings(endpoint: Endpoint, host: Host) -> Endpoint:
    return Endpoint(
        namespace=endpoint.namespace,
        scheme=endpoint.scheme,
        host=endpoint.host,
        path=endpoint.path,
        # a file without `server` gives its own host every capability, whatever the file's top says
        capabilities=ALL if host.server is None else host.capabilities,
        trust=endpoint.trust,
        headers=host.headers,
        connect_timeout=host.connect_timeout,
        fall_back=endpoint.fall_back,
    )


def _host(server: str, table: Toml, directory: str) -> Host:
    override = _flag(table, "override_path") or False
    url = _server(server) if server else None
    return Host(
        server=url,
        path=_root(url, override=override) if url else _API,
        capabilities=_capabilities(table),
        trust=Trust(
            ca_files=tuple(_absolute(file, directory) for file in _strings(table, "ca")),
            clients=_clients(table, directory),
            skip_verify=_flag(table, "skip_verify"),
        ),
        headers=_headers(table),
        connect_timeout=_seconds(_string(table, "dial_timeout")),
    )


def _server(server: str) -> Url:
    try:
        return Url.parse(server if server.startswith("http") else f"https://{server}")
    except InvalidUrl as error:
        raise MalformedHosts(f"unable to parse server {without_user(server)!r}") from error


def _root(url: Url, *, override: bool) -> str:
    """Return the API's root: the path with /v2 behind it, unless it ends so or is meant as it stands."""
    stated = url.target.partition("?")[0]
    path = posixpath.normpath(stated).rstrip("/") if stated else ""
    return path if override or path.endswith(_API) else path + _API


def _capabilities(table: Toml) -> Capability:
    names = _array(table, "capabilities")
    if not names:
        return ALL
    found = Capability(0)
    for name in names:
        if not isinstance(name, str) or name.lower() not in _CAPABILITIES:
            raise MalformedHosts(f"unknown capability {name!r}")
        found |= _CAPABILITIES[name.lower()]
    return found


def _clients(table: Toml, directory: str) -> tuple[tuple[str, str], ...]:
    value = table.get("client")
    entries = [value] if isinstance(value, str) else _array(table, "client")
    return tuple(_client(entry, directory) for entry in entries)


def _client(entry: object, directory: str) -> tuple[str, str]:
    match entry:
        case str():
            return _absolute(entry, directory), ""
        case [str() as certificate, str() as key]:
            return _absolute(certificate, directory), _absolute(key, directory)
    raise MalformedHosts(f"invalid pair {entry!r} for `client`")


def _headers(table: Toml) -> tuple[tuple[str, str], ...]:
    headers = _table(table, "header")
    return tuple((name.lower(), value) for name in headers for value in _strings(headers, name))


def _seconds(text: str) -> float | None:
    """Read a Go duration."""
    if not text:
        return None
    if text.lstrip("+") == "0":
        return 0.0
    if not _DURATIONS.fullmatch(text):
        raise MalformedHosts(f"invalid duration {text!r} for `dial_timeout`")
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))


def _lower(table: Toml) -> Toml:
    """Name settings as go-toml finds them: without regard to case."""
    return {key.lower(): value for key, value in table.items()}


def _table(table: Toml, key: str) -> Toml:
    value = table.get(key, {})
    if not isinstance(value, dict):
        raise MalformedHosts(f"`{key}` is not a table")
    return value


def _array(table: Toml, key: str) -> list[object]:
    value = table.get(key, [])
    if not isinstance(value, list):
        raise MalformedHosts(f"`{key}` is not an array")
    return value


def _strings(table: Toml, key: str) -> tuple[str, ...]:
    """Read a string or an array of them."""
    value = table.get(key)
    if isinstance(value, str):
        return (value,)
    texts = tuple(each for each in _array(table, key) if isinstance(each, str))
    if len(texts) != len(_array(table, key)):
        raise MalformedHosts(f"`{key}` holds something that is no string")
    return texts


def _string(table: Toml, key: str) -> str:
    value = table.get(key, "")
    if not isinstance(value, str):
        raise MalformedHosts(f"`{key}` is not a string")
    return value


def _flag(table: Toml, key: str) -> bool | None:
    value = table.get(key)
    if value is not None and not isinstance(value, bool):
        raise MalformedHosts(f"`{key}` is not a boolean")
    return value


def _absolute(path: str, directory: str) -> str:
    return posixpath.normpath(posixpath.join(directory, path))
