"""The logins that docker and podman would use on this machine (I/O).

| read, in this order | from |
|---|---|
| `DOCKER_AUTH_CONFIG` | the variable itself, as CI systems set it |
| docker's config.json | `DOCKER_CONFIG`, else `~/.docker` |
| podman's auth.json | `REGISTRY_AUTH_FILE`, else `XDG_RUNTIME_DIR/containers`, then `~/.config/containers` |

Every one that has a login for the image counts. Credential helpers are programs, asked with `get` and a server's name
on their standard input. The environment is given: nothing here reads the process's own.
"""

import asyncio
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from webhook.credentials.credential import Credential, Origin
from webhook.credentials.dockerconfig import MalformedConfig
from webhook.credentials.localconfig import LocalConfig, LocalLogin, decode_local
from webhook.credentials.program import ProgramFailed, run
from webhook.image.reference import Reference

HELPER_SECONDS: Final = 10.0
_LARGEST_FILE: Final = 4 << 20
_NOT_FOUND: Final = b"credentials not found"
_IDENTITY_TOKEN: Final = "<token>"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginFile:
    """One file of logins as it was read; `failure` says why it could not be."""

    name: str
    config: LocalConfig
    failure: str = ""
    by_path: bool = False


class LocalLogins:
    """The logins of the person who runs the command."""

    def __init__(
        self, files: tuple[LoginFile, ...], environment: Mapping[str, str], *, seconds: float = HELPER_SECONDS
    ) -> None:
        self._files = files
        self._environment = dict(environment)
        self._seconds = seconds

    @property
    def failures(self) -> tuple[str, ...]:
        """Why a file could not be read, one line each."""
        return tuple(file.failure for file in self._files if file.failure)

    async def lookup(self, reference: Reference, *, deadline: float) -> tuple[tuple[Credential, ...], str]:
        """Return the logins for an image, and why one could not be had (or "")."""
        found: dict[str, Credential] = {}
        failures = list(self.failures)
        for file in self._files:
            try:
                login = await self._login(file, reference, deadline)
            except ProgramFailed as error:
                failures.append(str(error))
                continue
            if login is not None:
                credential = Credential(
                    username=login.username, secret=login.secret, source=file.name, origin=Origin.DOCKER_CONFIG
                )
                found.setdefault(credential.id, credential)
        return tuple(found.values()), "; ".join(failures)

    async def _login(self, file: LoginFile, reference: Reference, deadline: float) -> LocalLogin | None:
        program, server = file.config.program(reference)
        if program:
            return await self._ask(program, server, deadline)
        return file.config.login(reference, by_path=file.by_path)

    async def _ask(self, helper: str, server: str, deadline: float) -> LocalLogin | None:
        """Ask a credential helper; None where it has no login for this server."""
        name = f"docker-credential-{helper}"
        program = shutil.which(name, path=self._environment.get("PATH", "")) if "/" not in helper else None
        if program is None:
            raise ProgramFailed(f"credential helper {name!r}: not on the PATH")
        left = min(self._seconds, deadline - asyncio.get_running_loop().time())
        try:
            answer = await run(
                (program, "get"), given=server.encode(), environment=self._environment, seconds=max(left, 0)
            )
        except ProgramFailed as error:
            raise ProgramFailed(f"credential helper {name!r}: {error}") from error
        if answer.status != 0:
            if answer.output.strip().startswith(_NOT_FOUND):
                return None
            raise ProgramFailed(f"credential helper {name!r}: ended with status {answer.status}")
        return _helper_login(answer.output, name)


class _WireLogin(msgspec.Struct, rename="pascal"):
    username: str = ""
    secret: str = ""


def load_local(environment: Mapping[str, str], *, seconds: float = HELPER_SECONDS) -> LocalLogins:
    """Read what there is; a file that is not there is no failure, one that cannot be read is one to tell of."""
    return LocalLogins(tuple(_files(environment)), environment, seconds=seconds)


def _files(environment: Mapping[str, str]) -> Iterator[LoginFile]:
    given = environment.get("DOCKER_AUTH_CONFIG", "")
    if given:
        yield _decoded("DOCKER_AUTH_CONFIG", given.encode("utf-8", "surrogateescape"), by_path=False)
    for path, by_path in _paths(environment):
        try:
            if path.is_file():
                yield _decoded(str(path), _read(path), by_path=by_path)
        except OSError as error:
            yield _failed(str(path), (error.strerror or "unreadable").lower())


def _paths(environment: Mapping[str, str]) -> Iterator[tuple[Path, bool]]:
    home = Path(environment.get("HOME", "/"))
    docker = environment.get("DOCKER_CONFIG", "")
    yield (Path(docker) if docker else home / ".docker") / "config.json", False
    podman = environment.get("REGISTRY_AUTH_FILE", "")
    if podman:
        yield Path(podman), True
        return
    runtime = environment.get("XDG_RUNTIME_DIR", "")
    if runtime:
        yield Path(runtime) / "containers" / "auth.json", True
    yield Path(environment.get("XDG_CONFIG_HOME", "") or home / ".config") / "containers" / "auth.json", True


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_LARGEST_FILE)


def _decoded(name: str, body: bytes, *, by_path: bool) -> LoginFile:
    try:
        return LoginFile(name=name, config=decode_local(body), by_path=by_path)
    except MalformedConfig as error:
        return _failed(name, str(error))


def _failed(name: str, why: str) -> LoginFile:
    return LoginFile(name=name, config=LocalConfig(), failure=f"{name}: {why}")


def _helper_login(output: bytes, name: str) -> LocalLogin | None:
    try:
        wire = msgspec.json.decode(output, type=_WireLogin)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # Without the cause: it may quote the answer.
        raise ProgramFailed(f"credential helper {name!r}: its answer is no login") from None
    if not wire.secret:
        return None
    return LocalLogin(username="" if wire.username == _IDENTITY_TOKEN else wire.username, secret=wire.secret)
