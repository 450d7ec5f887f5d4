import asyncio
import base64
import subprocess

import httpx
import pytest

from webhook.demo.answer import Fault
from webhook.demo.images import ImageSpec, Kind, Lost
from webhook.demo.site import Certificate, Quota, Repository, Rule, Site
from webhook.demo.world import InvalidScript, Listener, Transport, World

HOST = "reg.example"
APP = Repository(name="shop/app", tags={"1": ImageSpec(), "2": ImageSpec(platforms=("linux/amd64", "linux/arm64"))})
SECRET = Repository(name="shop/secret", public=False, readers=("bob",), tags={"1": ImageSpec()})
USERS = {"bob": "s3:cret", "eve": "x"}


def basic(user: str, password: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


async def test_an_image_can_be_walked_from_its_tag_to_its_layers(served):
    world = await served(Site(hosts=(HOST,), repositories=(APP,)))
    head = await world.ask("HEAD", f"//{HOST}/v2/shop/app/manifests/1")
    got = await world.ask("GET", f"//{HOST}/v2/shop/app/manifests/{head.headers['docker-content-digest']}")
    assert head.status_code == 200
    assert head.headers["content-length"] == str(len(got.content))
    manifest = got.json()
    for descriptor in (manifest["config"], *manifest["layers"]):
        blob = await world.ask("GET", f"//{HOST}/v2/shop/app/blobs/{descriptor['digest']}")
        assert len(blob.content) == descriptor["size"]


async def test_an_index_lists_what_it_holds(served):
    world = await served(Site(hosts=(HOST,), repositories=(APP,)))
    index = (await world.ask("GET", f"//{HOST}/v2/shop/app/manifests/2")).json()
    assert [entry["platform"]["architecture"] for entry in index["manifests"]] == ["amd64", "arm64"]
    for entry in index["manifests"]:
        assert (await world.ask("GET", f"//{HOST}/v2/shop/app/manifests/{entry['digest']}")).status_code == 200


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("shop/app/manifests/9", "MANIFEST_UNKNOWN"),
        ("shop/gone/manifests/1", "NAME_UNKNOWN"),
        (f"shop/app/blobs/sha256:{'0' * 64}", "BLOB_UNKNOWN"),
    ],
)
async def test_what_is_not_there_is_404(served, path, code):
    world = await served(Site(hosts=(HOST,), repositories=(APP,)))
    answer = await world.ask("GET", f"//{HOST}/v2/{path}")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, code)


async def test_tags_come_and_go(served):
    world = await served(Site(hosts=(HOST,), repositories=(APP,)))
    store = world.world.registry(HOST).store
    digest = store.put("shop/app", "3")
    assert (await world.ask("HEAD", f"//{HOST}/v2/shop/app/manifests/3")).headers["docker-content-digest"] == digest
    store.remove("shop/app", "3")
    assert (await world.ask("HEAD", f"//{HOST}/v2/shop/app/manifests/3")).status_code == 404


async def test_tags_are_listed_page_by_page(served):
    world = await served(Site(hosts=(HOST,), repositories=(APP,)))
    for number in range(7):
        world.world.registry(HOST).store.put("shop/many", f"v{number}")
    found, path = [], "/v2/shop/many/tags/list?n=3"
    while path:
        answer = await world.ask("GET", f"//{HOST}{path}")
        found += answer.json()["tags"]
        path = answer.links.get("next", {}).get("url", "")
    assert found == [f"v{number}" for number in range(7)]


class TestBasic:
    @pytest.mark.parametrize(
        ("headers", "status"),
        [({}, 401), (basic("bob", "no"), 401), (basic("bob", "s3:cret"), 200), (basic("eve", "x"), 401)],
    )
    async def test_a_private_repository_wants_a_login(self, served, headers, status):
        world = await served(Site(hosts=(HOST,), personality="basic", users=USERS, repositories=(SECRET, APP)))
        answer = await world.ask("HEAD", f"//{HOST}/v2/shop/secret/manifests/1", headers=headers)
        assert answer.status_code == status
        if status == 401:
            assert answer.headers["www-authenticate"] == 'Basic realm="registry"'
        assert (await world.ask("HEAD", f"//{HOST}/v2/shop/app/manifests/1")).status_code == 200


class TestBearer:
    @pytest.fixture
    async def world(self, served):
        return await served(Site(hosts=(HOST,), personality="bearer", users=USERS, repositories=(SECRET, APP)))

    async def token(self, world, repository, headers=None):
        challenge = (await world.ask("HEAD", f"//{HOST}/v2/{repository}/manifests/1")).headers["www-authenticate"]
        scope = f"repository:{repository}:pull"
        assert challenge == f'Bearer realm="https://{HOST}/token",service="{HOST}",scope="{scope}"'
        return await world.ask("GET", f"//{HOST}/token?service={HOST}&scope={scope}", headers=headers)

    async def head(self, world, repository, token):
        headers = {"authorization": f"Bearer {token}"}
        return await world.ask("HEAD", f"//{HOST}/v2/{repository}/manifests/1", headers=headers)

    async def test_strangers_read_public_repositories(self, world):
        token = (await self.token(world, "shop/app")).json()["token"]
        assert (await self.head(world, "shop/app", token)).status_code == 200

    async def test_strangers_are_given_a_token_that_opens_nothing(self, world):
        token = (await self.token(world, "shop/secret")).json()["token"]
        answer = await self.head(world, "shop/secret", token)
        assert answer.status_code == 401
        assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]

    async def test_a_login_by_get_and_by_post(self, world):
        token = (await self.token(world, "shop/secret", basic("bob", "s3:cret"))).json()["token"]
        assert (await self.head(world, "shop/secret", token)).status_code == 200
        form = {"grant_type": "password", "username": "bob", "password": "s3:cret", "service": HOST}
        answer = await world.ask("POST", f"//{HOST}/token", data=form | {"scope": "repository:shop/secret:pull"})
        assert answer.json().keys() == {"access_token", "expires_in"}
        assert (await self.head(world, "shop/secret", answer.json()["access_token"])).status_code == 200

    async def test_a_wrong_login_and_a_made_up_token(self, world):
        assert (await self.token(world, "shop/secret", basic("bob", "no"))).status_code == 401
        answer = await self.head(world, "shop/app", "made-up")
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]

    async def test_the_record_holds_no_login(self, world):
        await self.token(world, "shop/secret", basic("bob", "s3:cret"))
        asked = world.world.asked
        assert [(each.method, each.path, each.auth, each.status) for each in asked] == [
            ("HEAD", "/v2/shop/secret/manifests/1", "none", 401),
            ("GET", "/token", "basic", 200),
        ]
        assert "s3" not in repr(asked)


async def test_a_quota_counts_gets_of_manifests_and_no_heads(served):
    site = Site(hosts=(HOST,), repositories=(APP,), quota=Quota(limit=100, remaining=1))
    world = await served(site)
    url = f"//{HOST}/v2/shop/app/manifests/1"
    assert (await world.ask("HEAD", url)).headers["ratelimit-remaining"] == "1;w=21600"
    assert (await world.ask("GET", url)).headers["ratelimit-remaining"] == "0;w=21600"
    assert (await world.ask("HEAD", url)).status_code == 200
    refused = await world.ask("GET", url)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (429, "TOOMANYREQUESTS")


class TestRules:
    URL = f"//{HOST}/v2/shop/app/manifests/1"

    @pytest.fixture
    def started(self, served):
        async def start(**rule):
            return await served(Site(hosts=(HOST,), repositories=(APP,)), rules=(Rule(**rule),))

        return start

    async def test_answer_in_place_of_the_registry(self, started):
        world = await started(path="manifests", method="HEAD", status=503, reason="Out to Lunch", body="<html>")
        answer = await world.ask("HEAD", self.URL)
        assert (answer.status_code, answer.reason_phrase, answer.headers["content-length"]) == (
            503,
            "Out to Lunch",
            "6",
        )
        assert (await world.ask("GET", self.URL)).status_code == 200

    async def test_change_the_registrys_own_answer(self, started):
        world = await started(without=("docker-content-digest",), headers={"Content-Type": "text/html"})
        answer = await world.ask("HEAD", self.URL)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html")
        assert "docker-content-digest" not in answer.headers

    async def test_happen_so_many_times(self, started):
        world = await started(status=500, times=2)
        assert [(await world.ask("HEAD", self.URL)).status_code for _ in range(3)] == [500, 500, 200]

    @pytest.mark.parametrize("fault", [Fault.RESET, Fault.CLOSE, Fault.TRUNCATE])
    async def test_break_the_connection(self, started, fault):
        world = await started(fault=fault)
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await world.ask("GET", self.URL)

    @pytest.mark.parametrize("fault", [Fault.HANG, Fault.HANG_BODY])
    async def test_hang(self, started, fault):
        world = await started(fault=fault)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(world.ask("GET", self.URL), 0.2)

    async def test_are_slow(self, started):
        world = await started(delay=0.2)
        begun = asyncio.get_running_loop().time()
        assert (await world.ask("GET", self.URL)).status_code == 200
        assert asyncio.get_running_loop().time() - begun >= 0.2


class TestCertificates:
    @pytest.mark.parametrize(
        ("kind", "words"),
        [
            (Certificate.EXPIRED, "certificate has expired"),
            (Certificate.OTHER_NAME, "not valid for 'reg.example'"),
            (Certificate.UNTRUSTED, "unable to get local issuer certificate"),
        ],
    )
    async def test_that_are_bad_are_seen_to_be(self, served, kind, words):
        world = await served(Site(hosts=(HOST,), certificate=kind, repositories=(APP,)))
        with pytest.raises(httpx.ConnectError, match=words):
            await world.ask("HEAD", f"//{HOST}/v2/")

    async def test_may_be_good_beside_bad_ones(self, served):
        world = await served(Site(hosts=(HOST,), certificate=Certificate.EXPIRED), Site(hosts=("good.example",)))
        assert (await world.ask("GET", "//good.example/v2/")).status_code == 200

    @pytest.fixture
    def ca(self, tmp_path):
        files = tmp_path / "ca.crt", tmp_path / "ca.key"
        command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=given"
        subprocess.run([*command.split(), "-keyout", files[1], "-out", files[0]], check=True, capture_output=True)
        return files

    async def test_an_authority_of_two_files_signs(self, served, ca):
        world = await served(Site(hosts=(HOST,)), ca=ca)
        assert (await world.ask("GET", f"//{HOST}/v2/")).status_code == 200
        assert world.server.ca.read_text() == ca[0].read_text()


class TestListeners:
    async def test_plain_http_on_the_port_of_tls(self, served):
        world = await served(Site(hosts=(HOST,)), listeners=(Listener(transport=Transport.PLAIN),))
        assert (await world.ask("GET", f"//{HOST}/v2/")).status_code == 200
        world.scheme = "https"
        with pytest.raises(httpx.ConnectError, match="SSL"):
            await world.ask("GET", f"//{HOST}/v2/")

    async def test_silence(self, served):
        world = await served(listeners=(Listener(transport=Transport.SILENT),))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(world.ask("GET", "//x/v2/"), 0.2)

    async def test_reset(self, served):
        world = await served(listeners=(Listener(transport=Transport.RESET),))
        with pytest.raises((httpx.ReadError, httpx.ConnectError)):
            await world.ask("GET", "//x/v2/")

    async def test_what_is_not_http_ends_the_connection(self, served):
        world = await served(Site(hosts=(HOST,)), listeners=(Listener(transport=Transport.PLAIN),))
        reader, writer = await asyncio.open_connection("127.0.0.1", world.server.ports[0])
        writer.write(b"EHLO there\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 400 Bad Request")
        writer.close()
        await writer.wait_closed()


class TestWorlds:
    async def test_a_realm_may_be_on_another_host(self, served):
        hub = Site(hosts=("registry-1.docker.io",), personality="docker.io", repositories=(APP,))
        world = await served(hub)
        answer = await world.ask("GET", "//auth.docker.io/token?scope=repository:shop/app:pull")
        headers = {"authorization": f"Bearer {answer.json()['token']}"}
        url = "//registry-1.docker.io/v2/shop/app/manifests/1"
        assert (await world.ask("HEAD", url, headers=headers)).status_code == 200

    async def test_a_backend_serves_what_the_registry_redirects_to(self, served):
        front = Site(hosts=("registry.k8s.io",), personality="registry.k8s.io", repositories=(APP,))
        world = await served(front, Site(hosts=("us-west1-docker.pkg.dev",), backs="registry.k8s.io"))
        answer = await world.ask("HEAD", "//registry.k8s.io/v2/shop/app/manifests/1")
        assert answer.status_code == 307
        followed = await world.ask("HEAD", answer.headers["location"].removeprefix("https:"))
        assert followed.status_code == 200

    def test_one_name_is_one_site(self):
        with pytest.raises(InvalidScript, match=r"'a\.example': two sites answer to it"):
            World([Site(hosts=("a.example",)), Site(hosts=("b.example", "a.example"))])

    def test_a_backend_comes_after_what_it_backs(self):
        with pytest.raises(InvalidScript, match=r"backs 'registry\.k8s\.io', which no site"):
            World([Site(hosts=("x.example",), backs="registry.k8s.io")])

    async def test_a_name_nobody_answers_to(self, served):
        assert (await (await served()).ask("GET", "//x.example/v2/")).status_code == 421


@pytest.mark.parametrize("lost", [Lost.CONFIG, Lost.LAYER])
async def test_a_broken_image_has_lost_a_blob(served, lost):
    broken = Repository(name="broken", tags={"1": ImageSpec(lost=lost)})
    world = await served(Site(hosts=(HOST,), repositories=(broken,)))
    manifest = (await world.ask("GET", f"//{HOST}/v2/broken/manifests/1")).json()
    statuses = {
        kind: (await world.ask("HEAD", f"//{HOST}/v2/broken/blobs/{each['digest']}")).status_code
        for kind, each in (("config", manifest["config"]), ("layer", manifest["layers"][0]))
    }
    assert [kind for kind, status in statuses.items() if status == 404] == [lost]


@pytest.mark.parametrize("kind", list(Kind))
async def test_every_kind_of_content_has_its_media_type(served, kind):
    world = await served(Site(hosts=(HOST,), repositories=(Repository(name="a", tags={"1": ImageSpec(kind=kind)}),)))
    answer = await world.ask("HEAD", f"//{HOST}/v2/a/manifests/1")
    assert ("v1+prettyjws" in answer.headers["content-type"]) == (kind is Kind.SCHEMA_1)
