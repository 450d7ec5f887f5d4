"""What a verdict costs of a pull quota: nothing, or one GET that is kept for good. And who says 404 at first."""

import asyncio

import msgspec
import pytest

from webhook.demo.images import ImageSpec
from webhook.demo.personality import PERSONALITIES
from webhook.demo.site import Quota, Repository, Rule, Site
from webhook.image.platform import Platform
from webhook.policy.evidence import NodeFacts, Runtime

BOTH = ImageSpec(platforms=("linux/amd64", "linux/arm64"), index=True)
CONTENT = Repository(name="library/nginx", tags={"1.29": BOTH, "1.28": BOTH})
AMD64 = Platform(os="linux", architecture="amd64")
NODES = NodeFacts(known=True, eligible=1, platforms=frozenset({AMD64}), runtimes=frozenset({Runtime.CONTAINERD}))


def hub(remaining: int = 100) -> Site:
    manners = msgspec.structs.replace(PERSONALITIES["docker.io"], realm="https://$host/token")
    quota = Quota(limit=100, remaining=remaining)
    return Site(hosts=("reg.test",), personality=manners, quota=quota, repositories=(CONTENT,))


def pod(image: str) -> dict:
    return {"containers": [{"name": "c", "image": image}]}


def manifests(here) -> list[str]:
    """Return the methods of the requests for manifests that were answered."""
    return [asked.method for asked in here.world.asked if "/manifests/" in asked.path and asked.status == 200]


async def test_without_a_platform_question_no_manifest_is_fetched(scene) -> None:
    here = await scene(hub())
    for tag in ("1.29", "1.28", "1.29"):
        assert (await here.apply(pod(f"{here.registry}/library/nginx:{tag}"))).allowed
    assert manifests(here) == ["HEAD", "HEAD"]


async def test_a_platform_question_costs_one_get_and_its_answer_is_kept_by_digest(scene) -> None:
    here = await scene(hub(), config={"cache": {"tags": "50ms"}})
    here.nodes.known = NODES
    image = f"{here.registry}/library/nginx:1.29"
    assert (await here.apply(pod(image))).warnings == []
    assert manifests(here) == ["HEAD", "GET"]
    for _ in range(2):
        await asyncio.sleep(0.1)  # the tag is asked for again, what it names is known
        assert (await here.apply(pod(image))).warnings == []
    assert manifests(here) == ["HEAD", "GET", "HEAD", "HEAD"]


@pytest.mark.parametrize(("remaining", "spent"), [(100, 1), (21, 1), (20, 0), (0, 0)])
async def test_no_pull_is_spent_when_few_are_left(scene, remaining, spent) -> None:
    here = await scene(hub(remaining))
    here.nodes.known = NODES
    answer = await here.apply(pod(f"{here.registry}/library/nginx:1.29"))
    assert answer.allowed
    assert manifests(here).count("GET") == spent


ABSENT = Rule(
    path="/manifests/",
    status=404,
    headers={"Content-Type": "application/json"},
    body='{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}',
)


async def test_a_pull_through_cache_that_has_it_when_it_is_asked_again_denies_nobody(scene) -> None:
    here = await scene(Site(hosts=("reg.test",), repositories=(CONTENT,)), config={"nodes": {"logins": "none"}})
    here.world.rule(msgspec.structs.replace(ABSENT, times=1))
    answer = await here.apply(pod(f"{here.registry}/library/nginx:1.29"))
    assert answer.allowed
    assert answer.codes == {"image-not-found"}


async def test_one_that_says_so_twice_is_believed_for_that_moment_only(scene) -> None:
    here = await scene(Site(hosts=("reg.test",), repositories=(CONTENT,)), config={"nodes": {"logins": "none"}})
    here.world.rule(msgspec.structs.replace(ABSENT, times=2))
    assert not (await here.apply(pod(f"{here.registry}/library/nginx:1.29"))).allowed
    assert (await here.apply(pod(f"{here.registry}/library/nginx:1.29"))).warnings == []
