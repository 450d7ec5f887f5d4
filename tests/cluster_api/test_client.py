"""Against a real API server: logins, errors in one line, watches."""

import asyncio
import contextlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from webhook.cluster.client import KubernetesApi, Way, find_way, open_cluster
from webhook.cluster.failure import (
    Conflict,
    Denied,
    Expired,
    InvalidKubeconfig,
    NotFound,
    Rejected,
    Unavailable,
    classify,
)

NODES = "/api/v1/nodes"


async def test_reads_an_object_raw(cluster: KubernetesApi) -> None:
    body = await cluster.request("GET", "/api/v1/namespaces/default")
    assert json.loads(body)["metadata"]["name"] == "default"


async def test_namespace_comes_from_the_context(apiserver) -> None:
    async with open_cluster(apiserver.kubeconfig("admin", namespace="shop")) as api:
        assert api.namespace == "shop"


@pytest.mark.parametrize(
    ("method", "path", "body", "error", "text"),
    [
        ("GET", "/api/v1/namespaces/absent", None, NotFound, 'namespaces "absent" not found'),
        ("POST", "/api/v1/namespaces", {"metadata": {"name": "default"}}, Conflict, "already exists"),
        ("POST", "/api/v1/namespaces", {"metadata": {"name": "Not A Name"}}, Rejected, "is invalid"),
        ("GET", "/api/v1/nodes?limit=1&continue=nonsense", None, Rejected, "continue key is not valid"),
        ("GET", "/apis/nobody.example/v1/things", None, NotFound, "404 page not found|answered 404"),
    ],
    ids=["not-found", "conflict", "invalid", "bad-continue", "unknown-api"],
)
async def test_refusals_are_told_apart(cluster, method, path, body, error, text) -> None:
    with pytest.raises(error, match=text):
        await cluster.request(method, path, body=body)


async def test_a_user_without_rights_is_denied(login) -> None:
    async with open_cluster(login("someone")) as api:
        with pytest.raises(Denied, match='User "someone" cannot list resource "nodes"'):
            await api.request("GET", NODES)


async def test_a_wrong_token_is_denied(apiserver) -> None:
    async with open_cluster(apiserver.kubeconfig("admin", token="stolen")) as api:
        with pytest.raises(Denied, match="Unauthorized"):
            await api.request("GET", NODES)


async def test_a_watch_streams_events(cluster: KubernetesApi) -> None:
    version = json.loads(await cluster.request("GET", "/api/v1/namespaces"))["metadata"]["resourceVersion"]
    await cluster.request("POST", "/api/v1/namespaces", body={"metadata": {"name": "watched"}})
    query = {"watch": "1", "resourceVersion": version, "timeoutSeconds": "5"}
    lines = cluster.lines("/api/v1/namespaces", query=query, idle=5)
    async with contextlib.aclosing(lines):
        event = json.loads(await anext(lines))
    assert (event["type"], event["object"]["metadata"]["name"]) == ("ADDED", "watched")


async def test_a_refused_watch_raises(login) -> None:
    async with open_cluster(login("someone")) as api:
        with pytest.raises(Denied):
            await anext(api.lines(NODES, query={"watch": "1"}, idle=5))


@pytest.fixture
def admin_config(apiserver):
    return json.loads(Path(apiserver.kubeconfig("admin")).read_text())


async def test_a_dead_server_is_unavailable(tmp_path: Path, admin_config) -> None:
    config = admin_config
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    (tmp_path / "config").write_text(json.dumps(config))
    async with open_cluster(str(tmp_path / "config")) as api:
        with pytest.raises(Unavailable, match=r"cannot connect to the API server at 127\.0\.0\.1:1"):
            await api.request("GET", NODES)


async def test_an_untrusted_server_is_unavailable(tmp_path: Path, admin_config) -> None:
    config = admin_config
    del config["clusters"][0]["cluster"]["certificate-authority"]
    (tmp_path / "config").write_text(json.dumps(config))
    async with open_cluster(str(tmp_path / "config")) as api:
        with pytest.raises(Unavailable, match="certificate is not trusted"):
            await api.request("GET", NODES)


@contextlib.asynccontextmanager
async def endless(tmp_path: Path, status: int):
    """An API server whose answers never end, open as a cluster."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(f"HTTP/1.1 {status} x\r\ncontent-type: application/json\r\n\r\n".encode() + b'{"kind":"')
            while not writer.is_closing():
                writer.write(b"a" * 65536)
                await asyncio.sleep(0)  # drain() alone never lets the loop notice that the peer is gone
                await writer.drain()
        except OSError:
            pass  # the client has had enough
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    config = {
        "contexts": [{"name": "a", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": {}}],
    }
    (tmp_path / "config").write_text(json.dumps({"current-context": "a", **config}))
    async with open_cluster(str(tmp_path / "config")) as api:
        yield api
    server.close()
    await server.wait_closed()


async def test_an_answer_without_end_is_left(tmp_path: Path) -> None:
    async with endless(tmp_path, 200) as api:
        with pytest.raises(Unavailable, match="more than 4 MiB"):
            await api.request("GET", "/api/v1/namespaces/default", seconds=60)
        with pytest.raises(Unavailable, match="more than 64 MiB"):
            await api.request("GET", NODES, query={"limit": "500"}, seconds=60)
        with pytest.raises(Unavailable, match="watch event of more than 16 MiB"):
            await anext(api.lines(NODES, query={"watch": "1"}, idle=60))


async def test_a_refusal_without_end_is_one(tmp_path: Path) -> None:
    async with endless(tmp_path, 403) as api:
        with pytest.raises(Denied, match="answered 403"):
            await api.request("GET", NODES, seconds=60)


def test_a_refusal_that_is_deep_is_one() -> None:
    assert isinstance(classify(403, b'{"a":' + b"[" * 100_000), Denied)


BROKEN = {
    "not-yaml": ("{", "while parsing"),
    "empty": ("", "kubeconfig"),
    "list": ("[]", "kubeconfig"),
    "no-contexts": ("apiVersion: v1\nkind: Config\ncurrent-context: a\n", "no context 'a' in it; see"),
    "absent-context": ("contexts: []\nclusters: []\ncurrent-context: prod\n", "prod"),
    "ca-file-absent": (
        "contexts: [{name: a, context: {cluster: c, user: u}}]\ncurrent-context: a\nusers: [{name: u, user: {}}]\n"
        "clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1', certificate-authority: /absent/ca.crt}}]\n",
        "/absent/ca.crt",
    ),
}


@pytest.mark.parametrize(("text", "message"), BROKEN.values(), ids=BROKEN.keys())
async def test_a_broken_kubeconfig_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(InvalidKubeconfig, match=message) as caught:
        async with open_cluster(str(path)):
            pass
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_the_named_file_must_be_there() -> None:
    with pytest.raises(InvalidKubeconfig, match="no such file"):
        find_way("/absent/config", None, {}, Path("/nowhere"))


def test_the_way_is_chosen_as_kubectl_does(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / ".kube").mkdir(parents=True)
    own = home / ".kube/config"
    other = tmp_path / "other"
    other.touch()
    pod = {"KUBERNETES_SERVICE_HOST": "10.96.0.1"}
    assert find_way(None, None, pod, home) == Way(kubeconfig=None)
    own.touch()
    assert find_way(None, None, pod, home) == Way(kubeconfig=str(own))
    assert find_way(None, "prod", {"KUBECONFIG": f"/absent:{other}"}, home).kubeconfig == str(other)
    assert find_way(str(own), None, {"KUBECONFIG": str(other)}, home).kubeconfig == str(own)
    with pytest.raises(InvalidKubeconfig, match="KUBECONFIG='/absent'"):
        find_way(None, None, {"KUBECONFIG": "/absent"} | pod, home)
    with pytest.raises(InvalidKubeconfig, match="no cluster is configured"):
        find_way(None, None, {}, tmp_path)


@pytest.mark.parametrize(
    ("status", "body", "error", "text"),
    [
        (410, b"{}", Expired, "the API server answered 410"),
        (503, b"<html>", Unavailable, "503"),
        (429, b'{"message": "too\\nmany"}', Unavailable, "too many"),
        (422, b'{"message": 3}', Rejected, "422"),
    ],
)
def test_classify_never_raises(status: int, body: bytes, error: type[Exception], text: str) -> None:
    found = classify(status, body)
    assert type(found) is error
    assert text in str(found)


def test_the_blocking_client_is_not_imported(apiserver) -> None:
    program = (
        "import asyncio, sys\n"
        "from webhook.cluster.client import open_cluster\n"
        "assert 'kubernetes' not in sys.modules and 'aiohttp' not in sys.modules\n"
        "async def main():\n"
        f"    async with open_cluster({apiserver.kubeconfig('admin')!r}) as api:\n"
        "        await api.request('GET', '/version')\n"
        "asyncio.run(main())\n"
        "assert 'kubernetes.client' not in sys.modules\n"
        "assert not [name for name in sys.modules if '.models.' in name and name.startswith('kubernetes')]\n"
        "import kubernetes.client\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
