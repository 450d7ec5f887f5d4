"""What must never be: a denial of something that would have run. Each case is a way it could come about."""

import asyncio

import pytest

from webhook.demo.answer import Auth, Fault
from webhook.demo.images import ImageSpec
from webhook.demo.site import Repository, Rule, Site
from webhook.demo.world import Listener, Transport
from webhook.image.platform import Platform
from webhook.policy.evidence import ClusterFacts, Mutator, NodeFacts

PUBLIC = Repository(name="acme/app", tags={"1.0": ImageSpec()})
PRIVATE = Repository(name="acme/private", public=False, tags={"1.0": ImageSpec()})
BOTH = ImageSpec(platforms=("linux/amd64", "linux/arm64"))
OPEN = Site(hosts=("reg.test",), repositories=(PUBLIC,))
BASIC = Site(hosts=("reg.test",), personality="basic", users={"bob": "right"}, repositories=(PRIVATE,))


def pod(*images, secrets=(), policy="Always"):
    containers = [{"name": f"c{n}", "image": image, "imagePullPolicy": policy} for n, image in enumerate(images)]
    return {"containers": containers, "imagePullSecrets": [{"name": name} for name in secrets]}


async def test_a_good_image_is_allowed_without_a_word(scene):
    here = await scene(OPEN)
    answer = await here.apply(pod(f"{here.registry}/acme/app:1.0"))
    assert answer.allowed
    assert answer.warnings == []


async def test_an_absent_tag_is_denied_with_the_nearest(scene):
    here = await scene(OPEN)
    answer = await here.apply(pod(f"{here.registry}/acme/app:1.1"))
    assert not answer.allowed
    assert answer.message.startswith('1 of 1 image cannot be pulled in namespace "shop" (pullproof enforce=baseline):')
    assert "Nearest tags: 1.0." in answer.message
    assert "[image-not-found]" in answer.message


async def test_a_deployment_before_its_secret(scene):
    here = await scene(BASIC, config={"nodes": {"logins": "none"}})
    answer = await here.apply(pod(f"{here.registry}/acme/private:1.0", secrets=("regcred",)))
    assert answer.allowed
    assert answer.codes == {"pull-secret-missing"}


async def test_a_deployment_before_its_account(scene):
    here = await scene(BASIC, config={"nodes": {"logins": "none"}})
    spec = {**pod(f"{here.registry}/acme/private:1.0"), "serviceAccountName": "late"}
    answer = await here.apply(spec)
    assert answer.allowed
    assert "pull-secret-missing" in answer.codes


async def test_an_image_pushed_a_moment_after_it_was_denied(scene):
    here = await scene(OPEN)
    spec = pod(f"{here.registry}/acme/app:2.0")
    assert not (await here.apply(spec)).allowed
    here.world.registry("reg.test").store.put("acme/app", "2.0")
    assert (await here.apply(spec)).allowed


async def test_a_platform_pushed_a_moment_after_its_lack_was_denied(scene):
    here = await scene(OPEN)
    here.nodes.known = NodeFacts(known=True, eligible=1, platforms=frozenset({Platform.parse("linux/arm64")}))
    store = here.world.registry("reg.test").store
    store.put("acme/app", "2.0", ImageSpec(platforms=("linux/amd64",), index=True))
    spec = pod(f"{here.registry}/acme/app:2.0", f"{here.registry}/acme/app@{store.put('acme/app', 'both', BOTH)}")
    denied = await here.apply(spec)
    assert not denied.allowed
    assert "[platform-mismatch]" in denied.message
    store.put("acme/app", "2.0", BOTH)
    assert (await here.apply(spec)).allowed  # though the registry had the image, and the cache its index


async def test_many_denials_of_one_image_share_their_looks(scene):
    here = await scene(OPEN)
    spec = pod(f"{here.registry}/acme/app:3.0")
    answers = await asyncio.gather(*(here.apply(spec) for _ in range(50)))
    assert not any(answer.allowed for answer in answers)
    assert here.heads("/v2/acme/app/manifests/3.0") <= 3


async def test_a_secret_corrected_a_moment_after_a_denial(scene):
    here = await scene(BASIC, config={"nodes": {"logins": "none"}})
    here.api.put_secret("regcred", here.registry, "bob", "wrong")
    spec = pod(f"{here.registry}/acme/private:1.0", secrets=("regcred",))
    denied = await here.apply(spec)
    assert not denied.allowed
    assert "[unauthorized]" in denied.message
    here.api.put_secret("regcred", here.registry, "bob", "right")
    answer = await here.apply(spec)
    assert answer.allowed
    assert answer.warnings == []


async def test_a_secret_that_was_good_and_is_deleted_does_not_deny(scene):
    here = await scene(BASIC, config={"nodes": {"logins": "none"}})
    here.api.put_secret("regcred", here.registry, "bob", "right")
    spec = pod(f"{here.registry}/acme/private:1.0", secrets=("regcred",))
    assert (await here.apply(spec)).allowed
    here.api.objects = {key: value for key, value in here.api.objects.items() if "secrets" not in key}
    assert (await here.apply(spec)).allowed


async def test_an_image_that_is_on_the_node_already(scene):
    here = await scene(OPEN)
    here.nodes.known = NodeFacts(known=True, eligible=3, holding=1)
    spec = pod(f"{here.registry}/acme/app:gone", policy="IfNotPresent")
    answer = await here.apply(spec)
    assert answer.allowed
    assert answer.codes == {"image-not-found"}


async def test_a_401_where_nodes_may_hold_a_login(scene):
    here = await scene(BASIC, config={"nodes": {"logins": {"registries": ["reg.test:PORT"]}}})
    answer = await here.apply(pod(f"{here.registry}/acme/private:1.0"))
    assert answer.allowed
    assert answer.codes == {"credentials-unavailable"}


async def test_a_401_by_default(scene):
    """Nothing is known of the nodes' logins unless an operator says so."""
    here = await scene(BASIC)
    answer = await here.apply(pod(f"{here.registry}/acme/private:1.0"))
    assert answer.allowed
    assert answer.codes == {"no-pull-secret"}


@pytest.mark.parametrize("headers", [{"Content-Type": "text/html"}, {}], ids=["a page", "a few words"])
async def test_a_portal_that_comes_into_the_way_once_the_registry_has_asked_for_the_login(scene, headers):
    """Its 401 asks for nothing; the login is right, and the next try of a node finds the registry again."""
    here = await scene(BASIC, config={"nodes": {"logins": "none"}})
    here.api.put_secret("regcred", here.registry, "bob", "right")
    here.world.rule(Rule(auth=Auth.BASIC, status=401, headers=headers, body="Sign in", without=("www-authenticate",)))
    answer = await here.apply(pod(f"{here.registry}/acme/private:1.0", secrets=("regcred",)))
    assert answer.allowed
    assert answer.codes == {"unauthorized"}


async def test_a_web_servers_404_is_no_answer_about_the_image(scene):
    page = Rule(status=404, headers={"Content-Type": "text/html"}, body="<html>not here</html>")
    here = await scene(OPEN)
    here.world.rule(page)
    answer = await here.apply(pod(f"{here.registry}/acme/app:1.0"))
    assert answer.allowed
    assert answer.codes & {"not-a-registry", "registry-error", "image-not-found"}


async def test_a_registry_that_never_answers(scene):
    here = await scene(OPEN)
    here.world.rule(Rule(fault=Fault.HANG))
    answer = await here.apply(pod(f"{here.registry}/acme/app:1.0"), within="2s")
    assert answer.allowed
    assert answer.seconds < 2
    assert answer.codes == {"not-verified"}


async def test_a_registry_that_accepts_and_never_says_a_word(scene):
    here = await scene(OPEN, listeners=(Listener(transport=Transport.SILENT),))
    answer = await here.apply(pod(f"{here.registry}/acme/app:1.0"), within="2s")
    assert answer.allowed
    assert answer.seconds < 2
    assert answer.codes == {"registry-unreachable"}  # no TLS within the time to connect: that much is known
    assert "not verified" in answer.warnings[0]
    assert "timeout" in answer.warnings[0]


async def test_a_registry_that_never_answers_holds_up_no_other(scene):
    here = await scene(OPEN, listeners=(Listener(), Listener(transport=Transport.SILENT)))
    silent = f"reg.test:{here.server.ports[1]}"
    answer = await here.apply(pod(f"{here.registry}/acme/app:1.1", f"{silent}/acme/app:1.0"), within="3s")
    assert not answer.allowed  # the one that was told for certain
    assert "acme/app:1.1" in answer.message
    assert answer.codes == {"registry-unreachable"}


async def test_two_hundred_reviews_of_a_cold_image_cost_one_head(scene):
    here = await scene(OPEN)
    spec = pod(f"{here.registry}/acme/app:1.0")
    answers = await asyncio.gather(*(here.apply(spec) for _ in range(200)))
    assert all(answer.allowed for answer in answers)
    assert here.heads("/v2/acme/app/manifests/1.0") == 1
    assert len(here.world.asked) == 1


async def test_two_hundred_reviews_of_a_cold_private_image_cost_one_token(scene):
    site = Site(hosts=("reg.test",), personality="bearer", users={"bob": "right"}, repositories=(PRIVATE,))
    here = await scene(site)
    here.api.put_secret("regcred", here.registry, "bob", "right")
    spec = pod(f"{here.registry}/acme/private:1.0", secrets=("regcred",))
    answers = await asyncio.gather(*(here.apply(spec) for _ in range(200)))
    assert all(answer.allowed for answer in answers)
    tokens = [asked for asked in here.world.asked if "/manifests/" not in asked.path]
    assert len(tokens) <= 1
    assert here.heads("/v2/acme/private/manifests/1.0") <= 2  # the first is answered by the challenge


async def test_one_tenants_access_never_answers_for_another(scene):
    here = await scene(BASIC, config={"nodes": {"logins": "none"}})
    here.api.put_secret("good", here.registry, "bob", "right")
    here.api.put_secret("bad", here.registry, "eve", "wrong")
    image = f"{here.registry}/acme/private:1.0"
    assert (await here.apply(pod(image, secrets=("good",)))).allowed
    denied = await here.apply(pod(image, secrets=("bad",)))
    assert not denied.allowed
    assert "[unauthorized]" in denied.message


async def test_the_kill_switch(scene):
    here = await scene(OPEN, config={"enforce": "off"})
    answer = await here.apply(pod(f"{here.registry}/acme/app:1.1"))
    assert answer.allowed
    assert answer.codes == {"image-not-found"}


async def test_break_glass(scene):
    here = await scene(OPEN, config={"breakGlass": {"users": ["root"]}})
    spec = pod(f"{here.registry}/acme/app:1.1")
    assert (await here.apply(spec, user="root")).allowed
    assert not (await here.apply(spec, user="me")).allowed


async def test_a_text_that_a_mutator_will_replace(scene):
    here = await scene(OPEN)
    spec = pod("$(REGISTRY)/app:1.0")
    assert not (await here.apply(spec)).allowed
    here.cluster.known = ClusterFacts(mutators=(Mutator(title="webhook rewrites.example"),))
    answer = await here.apply(spec)
    assert answer.allowed
    assert answer.codes == {"invalid-reference"}
