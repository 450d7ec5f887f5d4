"""Where a node and a quick judge would differ, end to end: what must be denied still is, and nothing that would run."""

import msgspec
import pytest

from webhook.demo.answer import Auth, Fault
from webhook.demo.images import ImageSpec, Kind, Lost
from webhook.demo.personality import PERSONALITIES, Scheme
from webhook.demo.site import Repository, Rule, Site
from webhook.demo.world import Listener
from webhook.image.platform import Platform
from webhook.policy.evidence import ClusterFacts, NodeFacts, Runtime

PRIVATE = Repository(name="acme/private", public=False, tags={"1.0": ImageSpec()})
PUBLIC = Repository(name="acme/app", tags={"1.0": ImageSpec()})
OPEN = Site(hosts=("reg.test",), repositories=(PUBLIC,))
ABSENT = "sha256:" + "0" * 64


def pod(*images, secrets=(), policy="Always", **spec):
    containers = [{"name": f"c{n}", "image": image, "imagePullPolicy": policy} for n, image in enumerate(images)]
    return {"containers": containers, "imagePullSecrets": [{"name": name} for name in secrets], **spec}


async def test_an_absent_digest_is_absent(scene):
    """containerd looks for a digest among the blobs too; that it is not there either is no broken image."""
    here = await scene(OPEN)
    answer = await here.apply(pod(f"{here.registry}/acme/app@{ABSENT}"))
    assert not answer.allowed
    assert "[image-not-found]" in answer.message


WORLD = (
    "artifactory",
    "artifactory-basic",
    "gitlab",
    "harbor",
    "ecr",
    "quay.io",
    "ghcr.io",
    "gcr.io",
    "acr",
    "docker.io",
)


def of_the_world(name, **parts):
    manners = PERSONALITIES[name]
    if manners.scheme is Scheme.BEARER:
        manners = msgspec.structs.replace(manners, realm="https://$host/token")
    return Site(hosts=("reg.test",), personality=manners, users={"bob": "right"}, **parts)


@pytest.mark.parametrize("image", ["acme/private:1.0", "acme/private:2.0", "acme/nothing:1.0"])
@pytest.mark.parametrize("personality", WORLD)
async def test_what_a_stranger_is_told_of_private_images_denies_nothing(scene, personality, image):
    """Absent or not, the nodes may hold a login; only a 404 to everybody (ECR is not such a one) could tell."""
    here = await scene(of_the_world(personality, repositories=(PRIVATE,)))
    here.cluster.known = ClusterFacts(node_logins="pod shop/api pulled without one")
    answer = await here.apply(pod(f"{here.registry}/{image}"))
    assert answer.allowed
    assert answer.codes


@pytest.mark.parametrize("personality", WORLD)
async def test_a_private_image_with_the_pods_own_login(scene, personality):
    here = await scene(of_the_world(personality, repositories=(PRIVATE,)), config={"nodes": {"logins": "none"}})
    here.api.put_secret("regcred", here.registry, "bob", "right")
    answer = await here.apply(pod(f"{here.registry}/acme/private:1.0", secrets=("regcred",)))
    assert answer.allowed
    assert answer.warnings == []


@pytest.mark.parametrize(
    "rules",
    [
        pytest.param((Rule(method="HEAD", path="/manifests/", status=404),), id="HEAD alone says 404"),
        pytest.param(
            (
                Rule(method="HEAD", path="/manifests/", status=404),
                Rule(method="GET", path="/manifests/", status=429),
            ),
            id="404, and the confirmation is limited",
        ),
        pytest.param(
            (Rule(method="HEAD", path="/manifests/", status=404), Rule(path="/manifests/", fault=Fault.RESET)),
            id="404, and the confirmation breaks",
        ),
        pytest.param((Rule(path="/manifests/", status=404, body="404 page not found\n"),), id="404 in plain text"),
        pytest.param(
            (Rule(path="/manifests/", status=404, body='{"errors":[{"message":"Not Found"}]}'),), id="a gateway's 404"
        ),
        pytest.param((Rule(path="/manifests/", status=403, body="RBAC: access denied"),), id="a firewall's 403"),
        pytest.param((Rule(path="/manifests/", status=403, body='{"message":"Forbidden"}'),), id="a gateway's 403"),
        pytest.param((Rule(path="/manifests/", status=403, body="<html>blocked</html>"),), id="a page's 403"),
        pytest.param((Rule(path="/manifests/", status=429),), id="429"),
        pytest.param((Rule(path="/manifests/", status=503),), id="503"),
        pytest.param((Rule(path="/manifests/", status=400),), id="400"),
        pytest.param((Rule(path="/manifests/", status=451),), id="451"),
        pytest.param((Rule(path="/manifests/", status=307, headers={"Location": "https://x.invalid/"}),), id="nowhere"),
        pytest.param((Rule(path="/manifests/", fault=Fault.TRUNCATE),), id="cut off"),
    ],
)
async def test_answers_that_prove_nothing(scene, rules):
    here = await scene(OPEN, config={"nodes": {"logins": "none"}})
    for rule in rules:
        here.world.rule(rule)
    assert (await here.apply(pod(f"{here.registry}/acme/app:1.0"))).allowed


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(Rule(path="^/token", status=500), id="500"),
        pytest.param(Rule(path="^/token", status=404), id="404"),
        pytest.param(Rule(path="^/token", status=429), id="429"),
        pytest.param(Rule(path="^/token", status=403, body="<html>"), id="a page's 403"),
        pytest.param(Rule(path="^/token", status=403, body="blocked"), id="a firewall's 403"),
        pytest.param(Rule(path="^/token", status=200, body="hello"), id="no token"),
        pytest.param(Rule(path="^/token", fault=Fault.RESET), id="reset"),
    ],
)
async def test_a_token_service_that_is_ill(scene, rule):
    site = Site(hosts=("reg.test",), personality="bearer", users={"bob": "right"}, repositories=(PRIVATE,))
    here = await scene(site, config={"nodes": {"logins": "none"}})
    here.api.put_secret("regcred", here.registry, "bob", "right")
    here.world.rule(rule)
    image = f"{here.registry}/acme/private:1.0"
    assert (await here.apply(pod(image))).allowed
    assert (await here.apply(pod(image, secrets=("regcred",)))).allowed


async def test_one_of_two_logins_got_no_answer(scene):
    site = Site(hosts=("reg.test",), personality="basic", users={"bob": "right"}, repositories=(PRIVATE,))
    here = await scene(site, config={"nodes": {"logins": "none"}, "network": {"timeout": "1s"}})
    here.api.put_secret("one", here.registry, "bob", "right")
    here.api.put_secret("two", here.registry, "eve", "wrong")
    here.world.rule(Rule(auth=Auth.BASIC, times=1, fault=Fault.HANG))
    answer = await here.apply(pod(f"{here.registry}/acme/private:1.0", secrets=("one", "two")))
    assert answer.allowed
    assert answer.codes <= {"registry-unreachable", "not-verified"}


async def test_a_backend_that_was_not_given_the_login(scene):
    backend = Site(hosts=("b.test",), repositories=())
    front = Site(hosts=("reg.test",), personality="basic", users={"bob": "right"}, repositories=(PRIVATE,))
    here = await scene(front, backend, config={"nodes": {"logins": "none"}})
    here.api.put_secret("regcred", here.registry, "bob", "right")
    to = {"Location": f"https://b.test:{here.server.ports[0]}$path"}
    here.world.rule(Rule(host="reg.test", auth=Auth.BASIC, status=307, headers=to))
    answer = await here.apply(pod(f"{here.registry}/acme/private:1.0", secrets=("regcred",)))
    assert answer.allowed
    assert answer.codes == {"image-not-found"}


async def test_a_backend_of_an_open_registry(scene):
    here = await scene(Site(hosts=("reg.test",)), Site(hosts=("b.test",), repositories=(PUBLIC,)))
    to = {"Location": f"https://b.test:{here.server.ports[0]}$path"}
    here.world.rule(Rule(host="reg.test", status=307, headers=to))
    assert (await here.apply(pod(f"{here.registry}/acme/app:1.0"))).warnings == []
    assert not (await here.apply(pod(f"{here.registry}/acme/app:2.0"))).allowed


async def test_nobody_is_asked_about_what_no_registry_decides(scene):
    here = await scene(OPEN)
    never = pod(f"{here.registry}/acme/app:9.9", policy="Never")
    each = pod("localhost:5000/app:1", "127.0.0.1:5000/app:1", "[::1]:5000/app:1")
    for spec in (never, each):
        assert (await here.apply(spec)).allowed
    assert here.world.asked == []


def hosts_tree(root, port, **files):
    """Write a copy of the nodes' hosts.toml tree; HERE is the world's registry."""
    for name, text in files.items():
        folder = root / f"{name}.test"
        folder.mkdir(parents=True)
        (folder / "hosts.toml").write_text(text.replace("HERE", f"https://reg.test:{port}"))
    return {"nodes": {"logins": "none", "hostsDir": str(root)}}


async def test_mirrors_of_the_nodes(scene, tmp_path, free_port):
    port = free_port()
    config = hosts_tree(
        tmp_path / "certs.d",
        port,
        instead='server = "HERE"\nskip_verify = true\n',
        before='[host."HERE"]\nskip_verify = true\n',
        pulls='[host."HERE"]\nskip_verify = true\ncapabilities = ["pull"]\n',
    )
    here = await scene(OPEN, config=config, listeners=(Listener(port=port),))
    for host in ("instead.test", "before.test"):
        assert (await here.apply(pod(f"{host}/acme/app:1.0"))).warnings == []
    assert not (await here.apply(pod("instead.test/acme/app:9.9"))).allowed
    for image in ("before.test/acme/app:9.9", "pulls.test/acme/app:1.0"):  # nobody answers for the registry itself
        answer = await here.apply(pod(image))
        assert answer.allowed
        assert answer.codes == {"registry-unreachable"}


@pytest.mark.parametrize("given", ["hosts.toml that is none", "no folder"])
async def test_mirrors_of_the_nodes_that_cannot_be_read(scene, tmp_path, given):
    tree = tmp_path / "certs.d"
    if given != "no folder":
        hosts_tree(tree, 1, other="[host")
    here = await scene(OPEN, config={"nodes": {"logins": "none", "hostsDir": str(tree)}})
    answer = await here.apply(pod(f"{here.registry}/acme/app:9.9"))
    assert answer.allowed
    assert answer.codes == {"image-not-found"}


AMD64, ARM64 = (Platform(os="linux", architecture=each) for each in ("amd64", "arm64"))
ARM = Platform(os="linux", architecture="arm", variant="v7")
WINDOWS = Platform(os="windows", architecture="amd64", os_version="10.0.20348.587")


def nodes_of(*platforms, tainted=()):
    return NodeFacts(
        known=True,
        eligible=len(platforms),
        platforms=frozenset(platforms),
        runtimes=frozenset({Runtime.CONTAINERD}),
        tainted=frozenset(tainted),
    )


@pytest.mark.parametrize(
    ("spec", "nodes", "allowed", "codes"),
    [
        pytest.param(ImageSpec(), nodes_of(AMD64), True, set(), id="fits"),
        pytest.param(ImageSpec(), nodes_of(ARM64), True, {"wrong-architecture"}, id="a single manifest is pulled"),
        pytest.param(ImageSpec(index=True), nodes_of(ARM64), False, set(), id="an index for others"),
        pytest.param(ImageSpec(index=True), NodeFacts(), True, set(), id="nodes unknown"),
        pytest.param(ImageSpec(index=True), nodes_of(AMD64, ARM64), True, {"platform-partial"}, id="some nodes"),
        pytest.param(
            ImageSpec(index=True), nodes_of(ARM64, tainted=[AMD64]), True, {"platform-mismatch"}, id="tainted nodes"
        ),
        pytest.param(ImageSpec(platforms=("",), index=True), nodes_of(ARM64), True, set(), id="no platform stated"),
        pytest.param(ImageSpec(platforms=(), index=True), nodes_of(ARM64), False, set(), id="an index of nothing"),
        pytest.param(
            ImageSpec(platforms=("linux/386",), index=True), nodes_of(AMD64), True, {"platform-mismatch"}, id="386"
        ),
        pytest.param(ImageSpec(platforms=("linux/arm/v6",), index=True), nodes_of(ARM), True, set(), id="arm v6"),
        pytest.param(
            ImageSpec(platforms=("linux/arm/v7",), index=True), nodes_of(ARM64), True, {"platform-mismatch"}, id="v7"
        ),
        pytest.param(
            ImageSpec(platforms=("windows(10.0.20348.1)/amd64",), index=True), nodes_of(WINDOWS), True, set(), id="2022"
        ),
        pytest.param(
            ImageSpec(platforms=("windows/amd64",), index=True), nodes_of(WINDOWS), True, set(), id="some Windows"
        ),
        pytest.param(
            ImageSpec(platforms=("windows(10.0.20348.1)/amd64",), index=True), nodes_of(AMD64), False, set(), id="Linux"
        ),
        pytest.param(ImageSpec(kind=Kind.CHART), nodes_of(AMD64), False, set(), id="a chart"),
        pytest.param(ImageSpec(kind=Kind.SIGNATURE), nodes_of(AMD64), False, set(), id="a signature"),
        pytest.param(ImageSpec(kind=Kind.ARTIFACT), nodes_of(AMD64), True, {"not-an-image"}, id="who knows"),
        pytest.param(ImageSpec(kind=Kind.SCHEMA_1), nodes_of(AMD64), True, {"not-an-image"}, id="schema 1"),
        pytest.param(ImageSpec(lost=Lost.CONFIG), nodes_of(AMD64), True, {"broken-image"}, id="its config is gone"),
    ],
)
async def test_what_is_in_it(scene, spec, nodes, allowed, codes):
    here = await scene(Site(hosts=("reg.test",), repositories=(Repository(name="acme/app", tags={"1": spec}),)))
    here.nodes.known = nodes
    answer = await here.apply(pod(f"{here.registry}/acme/app:1"))
    assert answer.allowed is allowed, answer
    assert answer.codes == codes


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        pytest.param(Rule(method="GET", path="/manifests/", status=404), "broken-image", id="404"),
        pytest.param(Rule(method="GET", path="/manifests/", status=403), "denied-or-missing", id="403"),
        pytest.param(Rule(method="GET", path="/manifests/", status=412), "registry-error", id="a policy's 412"),
        pytest.param(Rule(method="GET", path="/manifests/", status=429), "rate-limited", id="429"),
        pytest.param(Rule(method="GET", path="/manifests/", status=503), "registry-error", id="503"),
        pytest.param(
            Rule(method="GET", path="/manifests/", fault=Fault.TRUNCATE), "registry-unreachable", id="half of it"
        ),
        pytest.param(
            Rule(path="/manifests/", headers={"Docker-Content-Digest": ABSENT}), "broken-image", id="another's digest"
        ),
    ],
)
async def test_head_is_fine_and_the_manifest_cannot_be_had(scene, rule, code):
    """A node fails there too, unless it has the manifest already: so it is told, and never denied."""
    here = await scene(OPEN, config={"nodes": {"logins": "none"}})
    here.nodes.known = nodes_of(AMD64)
    here.world.rule(rule)
    answer = await here.apply(pod(f"{here.registry}/acme/app:1.0"))
    assert answer.allowed, answer
    assert answer.codes == {code}


async def test_what_the_registry_says_is_there_is_not_denied_even_where_the_unknown_is(scene):
    here = await scene(OPEN, config={"onUnknown": "deny"})
    here.nodes.known = nodes_of(AMD64)
    here.world.rule(Rule(method="GET", path="/manifests/", status=429))
    answer = await here.apply(pod(f"{here.registry}/acme/app:1.0"))
    assert (answer.allowed, answer.codes) == (True, {"rate-limited"})
    here.world.rule(Rule(method="HEAD", path="/manifests/", status=429))
    assert not (await here.apply(pod(f"{here.registry}/acme/app:2.0"))).allowed


async def test_an_image_for_features_that_linux_lacks(scene):
    spec = ImageSpec(platforms=("linux(+erofs)/amd64",), index=True, built_for="linux/amd64")
    here = await scene(Site(hosts=("reg.test",), repositories=(Repository(name="acme/app", tags={"1.0": spec}),)))
    here.nodes.known = nodes_of(AMD64)
    answer = await here.apply(pod(f"{here.registry}/acme/app:1.0"))
    assert (answer.allowed, answer.codes) == (True, {"platform-mismatch"})


async def test_a_runtime_class_may_have_a_platform_of_its_own(scene):
    spec = ImageSpec(platforms=("linux/arm64",), index=True)
    here = await scene(Site(hosts=("reg.test",), repositories=(Repository(name="acme/app", tags={"1.0": spec}),)))
    here.nodes.known = nodes_of(AMD64)
    image = f"{here.registry}/acme/app:1.0"
    assert not (await here.apply(pod(image))).allowed
    answer = await here.apply(pod(image, runtimeClassName="wasmtime"))
    assert (answer.allowed, answer.codes) == (True, {"platform-mismatch"})


@pytest.mark.parametrize(
    ("spec", "codes"),
    [
        pytest.param(ImageSpec(), set(), id="whole"),
        pytest.param(ImageSpec(platforms=("linux/amd64", "linux/arm64")), set(), id="a whole index"),
        pytest.param(ImageSpec(lost=Lost.LAYER), {"broken-image"}, id="a layer"),
        pytest.param(ImageSpec(lost=Lost.CONFIG), {"broken-image"}, id="the config"),
        pytest.param(ImageSpec(platforms=("linux/amd64",), index=True, lost=Lost.LAYER), {"broken-image"}, id="inside"),
        pytest.param(
            ImageSpec(platforms=("linux/amd64",), index=True, lost=Lost.MANIFEST), {"broken-image"}, id="a manifest"
        ),
        pytest.param(
            ImageSpec(platforms=("linux/amd64",), index=True, built_for="linux/arm64"),
            {"wrong-architecture"},
            id="what an index says is not so",
        ),
    ],
)
async def test_all_parts_are_looked_for_where_a_level_is_stated(scene, spec, codes):
    site = Site(hosts=("reg.test",), repositories=(Repository(name="acme/app", tags={"1.0": spec}),))
    here = await scene(site, config={"checks": {"broken-image": {"level": "baseline"}}, "nodes": {"logins": "none"}})
    here.nodes.known = nodes_of(AMD64)
    answer = await here.apply(pod(f"{here.registry}/acme/app:1.0"))
    assert (answer.allowed, answer.codes) == (True, codes), "a node may have the part from another image"


async def test_an_image_volume(scene):
    tags = {"chart": ImageSpec(kind=Kind.CHART), "signature": ImageSpec(kind=Kind.SIGNATURE), "arm": ImageSpec()}
    here = await scene(
        Site(hosts=("reg.test",), repositories=(PUBLIC, Repository(name="acme/files", tags=tags))),
    )
    here.nodes.known = nodes_of(ARM64)

    def mounting(image):
        volume = {"name": "files", "image": {"reference": f"{here.registry}/{image}", "pullPolicy": "Always"}}
        return pod(f"{here.registry}/acme/app:1.0", volumes=[volume])

    told = {tag: await here.apply(mounting(f"acme/files:{tag}")) for tag in (*tags, "nothing")}
    assert [tag for tag, answer in told.items() if not answer.allowed] == ["nothing"]
    assert told["chart"].codes == told["arm"].codes == {"wrong-architecture"}  # of the container
    assert told["signature"].codes == {"wrong-architecture", "not-an-image"}
