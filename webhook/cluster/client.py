"""The way to the API server: kubeconfig or in-cluster, and raw requests over the official client (I/O).

Only the client's connection, TLS and login parts are used, never its models. Its import costs 0.4 s and 10 MiB, so
it is made when a cluster is opened, not before. The way is chosen in kubectl's order: the file that was named,
$KUBECONFIG, ~/.kube/config, the pod's own ServiceAccount.
"""

import importlib.util
import os
import re
import ssl
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from webhook.cluster.api import JSON, TIMEOUT, Method
from webhook.cluster.failure import Denied, InvalidKubeconfig, Unavailable, classify

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientTimeout
    from kubernetes.aio.client import ApiClient, Configuration

_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_CONNECT = 5.0
_MOST_EVENT = 16 * 1024 * 1024
_MOST_OBJECT = 4 * 1024 * 1024
"""Bytes of one object; etcd keeps no more than 1.5 MiB of it, and the API server takes no more than 3."""
_MOST_LIST = 64 * 1024 * 1024
"""Bytes of a page of a list, which is asked for with a query."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How to reach a cluster. `kubeconfig` None: the pod's own ServiceAccount."""

    kubeconfig: str | None
    context: str | None = None

    def __str__(self) -> str:
        if self.kubeconfig is None:
            return "the pod's ServiceAccount"
        return f"kubeconfig {self.kubeconfig!r}" + (f", context {self.context!r}" if self.context else "")


def find_way(kubeconfig: str | None, context: str | None, environment: Mapping[str, str], home: Path) -> Way:
    """Choose the way to the cluster as kubectl does; raise `InvalidKubeconfig` where there is none."""
    if kubeconfig is not None:
        if not Path(kubeconfig).is_file():
            raise InvalidKubeconfig(f"kubeconfig {kubeconfig!r}: no such file; name another with --kubeconfig")
        return Way(kubeconfig=kubeconfig, context=context)
    named = [path for path in environment.get("KUBECONFIG", "").split(os.pathsep) if path]
    found = [path for path in named or [str(home / ".kube/config")] if Path(path).is_file()]
    if found:
        return Way(kubeconfig=os.pathsep.join(found), context=context)
    if named:
        raise InvalidKubeconfig(f"KUBECONFIG={environment['KUBECONFIG']!r}: no such file")
    if environment.get("KUBERNETES_SERVICE_HOST") and context is None:
        return Way(kubeconfig=None)
    raise InvalidKubeconfig("no cluster is configured: no ~/.kube/config; set KUBECONFIG or give --kubeconfig FILE")


class KubernetesApi:
    """One open API server."""

    def __init__(self, client: "ApiClient", way: Way, namespace: str) -> None:
        """`namespace` is the one that commands mean when they name none."""
        self.namespace = namespace
        self.way = way
        self._client = client

    async def request(
        self,
        method: Method,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
        content_type: str = JSON,
        seconds: float = TIMEOUT,
    ) -> bytes:
        """Send one request and return the body of its 2xx answer."""
        from aiohttp import ClientTimeout

        limit = ClientTimeout(total=seconds, sock_connect=min(seconds, _CONNECT))
        with _translated():
            response = await self._send(method, path, query or {}, body, content_type, limit)
            if response.status == 401 and await self._log_in_again():
                response.release()
                response = await self._send(method, path, query or {}, body, content_type, limit)
            async with response:
                return await _checked(response, _MOST_LIST if query else _MOST_OBJECT)

    async def lines(self, path: str, *, query: Mapping[str, str], idle: float) -> AsyncGenerator[bytes, None]:
        """Stream the lines of a watch."""
        from aiohttp import ClientTimeout

        limit = ClientTimeout(total=None, sock_connect=_CONNECT, sock_read=idle)
        with _translated():
            async with await self._send("GET", path, query, None, JSON, limit) as response:
                if response.status != 200:
                    await _checked(response, _MOST_OBJECT)
                try:
                    async for line in _split(response):
                        yield line
                finally:
                    _abort(response)

    async def _send(
        self,
        method: Method,
        path: str,
        query: Mapping[str, str],
        body: Mapping[str, object] | None,
        content_type: str,
        limit: "ClientTimeout",
    ) -> "ClientResponse":
        verb, url, headers, content, form = await self._client.param_serialize(
            method,
            path,
            query_params=list(query.items()),
            header_params={"Accept": JSON, "Content-Type": content_type},
            body=body,
            auth_settings=["BearerToken"],
        )
        answer = await self._client.call_api(verb, url, headers, content, form, _request_timeout=limit)
        response: ClientResponse = answer.response
        return response

    async def _log_in_again(self) -> bool:
        """Renew a login that a plugin gave and that ran out; the pod's own token renews itself."""
        if self.way.kubeconfig is None:
            return False
        try:
            await _load(self.way, self._client.configuration)
        except InvalidKubeconfig as error:
            raise Denied(str(error)) from error
        return True


async def _split(response: "ClientResponse") -> AsyncIterator[bytes]:
    rest = bytearray()
    async for chunk in response.content.iter_any():
        rest += chunk
        if b"\n" in chunk:
            *whole, last = rest.split(b"\n")
            rest = last
            for line in whole:
                yield bytes(line)
        if len(rest) > _MOST_EVENT:
            raise Unavailable("a watch event of more than 16 MiB")


def _abort(response: "ClientResponse") -> None:
    """Drop the connection of an answer that we leave: a polite end of TLS would wait for a server with more to say."""
    connection = response.connection
    if connection is not None and connection.transport is not None:
        connection.transport.abort()


async def _checked(response: "ClientResponse", most: int) -> bytes:
    """Return the body of a good answer, of `most` bytes; whoever sends more is no API server, and is left at once."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > most:
            _abort(response)
            break
    if response.status >= 300:
        raise classify(response.status, bytes(body))
    if len(body) > most:
        raise Unavailable(f"an answer of the API server of more than {most // 1024 // 1024} MiB")
    return bytes(body)


@contextmanager
def _translated() -> Iterator[None]:
    """Name the client library's exceptions here and nowhere else."""
    from aiohttp import ClientConnectorCertificateError, ClientConnectorError, ClientError

    try:
        yield
    except ClientConnectorCertificateError as error:
        raise Unavailable(f"the API server's certificate is not trusted: {error.certificate_error}") from error
    except ClientConnectorError as error:
        why = os.strerror(error.errno).lower() if error.errno and error.errno > 0 else error.strerror
        raise Unavailable(f"cannot connect to the API server at {error.host}:{error.port}: {why}") from error
    except TimeoutError as error:
        raise Unavailable("the API server did not answer in time") from error
    except (ClientError, OSError) as error:
        raise Unavailable(f"the connection to the API server broke: {str(error) or type(error).__name__}") from error


def open_cluster(
    kubeconfig: str | None = None, context: str | None = None, *, user_agent: str = "pullproof"
) -> AbstractAsyncContextManager[KubernetesApi]:
    """Open the cluster that kubectl would mean; raise `InvalidKubeconfig` in one line where that cannot be."""
    return _opened(find_way(kubeconfig, context, os.environ, Path(os.environ.get("HOME") or "/")), user_agent)


@asynccontextmanager
async def _opened(way: Way, user_agent: str) -> AsyncIterator[KubernetesApi]:
    _skip_blocking_client()
    from kubernetes.aio.client import ApiClient, Configuration

    configuration = Configuration()
    namespace = await _load(way, configuration)
    try:
        client = ApiClient(configuration)
    except (OSError, ssl.SSLError) as error:
        raise InvalidKubeconfig(f"{way}: cannot read its certificates: {error}") from error
    client.user_agent = user_agent
    try:
        yield KubernetesApi(client, way, namespace)
    finally:
        await client.close()  # type: ignore[no-untyped-call]


async def _load(way: Way, configuration: "Configuration") -> str:
    """Fill in server, trust and login; return the namespace that the way names."""
    import yaml
    from kubernetes.aio.config import (
        ConfigException,
        list_kube_config_contexts,
        load_incluster_config,
        load_kube_config,
    )

    try:
        if way.kubeconfig is None:
            load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
            return (_ACCOUNT / "namespace").read_text().strip() or "default"
        await load_kube_config(  # type: ignore[no-untyped-call]
            way.kubeconfig, way.context, client_configuration=configuration, persist_config=False
        )
        contexts, current = list_kube_config_contexts(way.kubeconfig)  # type: ignore[no-untyped-call]
        chosen = next((each for each in contexts if each["name"] == way.context), current)
        return str(chosen["context"].get("namespace") or "default")
    except (ConfigException, yaml.YAMLError, OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        # The loader walks a dict of whatever the file holds, so a wrong type surfaces as any of these.
        raise InvalidKubeconfig(f"{way}: {_words(error)}") from error


def _words(error: Exception) -> str:
    words = " ".join(str(error).split())[:300] or type(error).__name__
    # the loader's way to say that a context, cluster or user is named and not there
    absent = re.search(r"Expected object with name (.+) in \S+/(context|cluster|user)s list", words)
    return f"no {absent[2]} {absent[1]!r} in it; see `kubectl config view`" if absent else words


def _skip_blocking_client() -> None:
    """Make the package's asyncio half importable without its blocking half: 0.4 s and 10 MiB that nothing here uses.

    `kubernetes/__init__.py` imports both, with requests, oauthlib and websocket. An empty package module with the same
    search path stands in for it, unless somebody has imported the whole already.
    """
    if "kubernetes" in sys.modules:
        return
    whole, half = _bare_package("kubernetes"), _bare_package("kubernetes.aio")
    setattr(whole, "aio", half)  # noqa: B010 - what the import system does once a submodule is loaded


def _bare_package(name: str) -> ModuleType:
    spec = importlib.util.find_spec(name)
    if spec is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    package = ModuleType(name)
    package.__spec__, package.__path__ = spec, list(spec.submodule_search_locations or ())
    sys.modules[name] = package
    return package
