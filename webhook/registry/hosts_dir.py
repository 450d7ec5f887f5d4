"""A tree of hosts.toml files, read from a folder (I/O: files).

    ROOT/registry.example_5000_/hosts.toml      or ROOT/registry.example:5000/hosts.toml
    ROOT/_default/hosts.toml                    every registry that has no directory of its own

A directory without hosts.toml, or with one that cannot be read, stands for the registry itself with the certificates
that lie there: `*.crt` are CAs, `*.cert` with `*.key` are client certificates (Docker's layout). Several roots are
looked through in turn, each with its `_default`. The tree is read once; read it again when the folder changes.

The tree is a copy of the nodes'. Files that it names by their place on a node are taken from the copy.

Source: containerd core/remotes/docker/config/hosts.go (HostDirFromRoot, loadHostDir, loadCertFiles).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from webhook.registry.endpoint import Endpoint, Trust
from webhook.registry.hosts_toml import Host, MalformedHosts, directories, endpoints, parse

NODE_ROOTS = ("/etc/containerd/certs.d/", "/etc/docker/certs.d/")
"""Where containerd looks on a node unless it is told otherwise (config_path, 2.2 and later)."""

_FILE = "hosts.toml"
_MOST_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class HostsDir:
    """The hosts of every directory of every root. `problems`: what could not be read, a line each."""

    roots: tuple[Mapping[str, tuple[Host, ...]], ...] = ()
    problems: tuple[str, ...] = ()

    def __call__(self, registry: str) -> tuple[Endpoint, ...] | None:
        """Return the endpoints that the tree names for `registry`, None when it has no directory."""
        for root in self.roots:
            for name in directories(registry):
                if name in root:
                    return endpoints(root[name], registry)
        return None


def load(roots: Sequence[Path]) -> HostsDir:
    """Read the tree; never raises."""
    problems: list[str] = []
    read = tuple(_root(root, problems) for root in roots)
    return HostsDir(roots=read, problems=tuple(problems))


def _root(root: Path, problems: list[str]) -> Mapping[str, tuple[Host, ...]]:
    try:
        # a mounted ConfigMap has its own directories beside: ..data, ..2026_01_01…
        folders = sorted(each for each in root.iterdir() if each.is_dir() and not each.name.startswith(".."))
    except OSError as error:
        problems.append(f"{root}: cannot be read: {error.strerror}")
        return {}
    return {folder.name: tuple(_here(host, root, problems) for host in _folder(folder, problems)) for folder in folders}


def _folder(folder: Path, problems: list[str]) -> tuple[Host, ...]:
    file = folder / _FILE
    try:
        text = _read(file)
        if text:
            return parse(text, directory=str(folder))
    except OSError as error:
        problems.append(f"{file}: cannot be read: {error.strerror}")
    except (MalformedHosts, UnicodeDecodeError) as error:
        problems.append(f"{file}: {error}; containerd goes on without it")
    return (_certificates(folder),)


def _here(host: Host, root: Path, problems: list[str]) -> Host:
    """Find the host's files in the copy."""

    def find(file: str) -> str:
        node_root = next((each for each in NODE_ROOTS if file.startswith(each)), "")
        inside = str(root / file.removeprefix(node_root)) if node_root else file
        found = inside if node_root and _is_file(inside) else file
        if not _is_file(found):
            problems.append(f"{root}: certificate file {file!r} is not there")
        return found

    trust = replace(
        host.trust,
        ca_files=tuple(find(file) for file in host.trust.ca_files),
        clients=tuple((find(pair[0]), find(pair[1]) if pair[1] else "") for pair in host.trust.clients),
    )
    return replace(host, trust=trust)


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except OSError:  # a name that is too long, a folder that may not be entered
        return False


def _read(file: Path) -> str:
    if not file.exists():
        return ""
    with file.open("rb") as stream:
        data = stream.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise MalformedHosts(f"larger than {_MOST_BYTES} bytes")
    return data.decode("utf-8")


def _certificates(folder: Path) -> Host:
    try:
        files = sorted(each for each in folder.iterdir() if not each.is_dir())
    except OSError:
        files = []
    cas = tuple(str(each) for each in files if each.name.endswith(".crt"))
    clients = tuple((str(each), _key(each, files)) for each in files if each.name.endswith(".cert"))
    return Host(trust=Trust(ca_files=cas, clients=clients))


def _key(certificate: Path, files: Sequence[Path]) -> str:
    key = certificate.with_name(f"{certificate.name.removesuffix('.cert')}.key")
    return str(key) if key in files else ""
