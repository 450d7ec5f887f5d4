"""The whole look-up against real registries: every version and login kind, good and bad logins, absent things."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator

import pytest

from webhook.credentials.credential import ANONYMOUS, Credential
from webhook.image.manifest import Index, Manifest
from webhook.image.reference import Reference
from webhook.registry.observer import NullObserver
from webhook.registry.resolution import Absent, Failure, Resolution, Resolved, Unresolved
from webhook.registry.resolver import RegistryResolver
from webhook.settings.schema import Network, Registry, Settings
from webhook.wiring.registries import Surroundings, open_resolver

BOB = Credential(username="bob", secret="s3cr$t:with colon", source='secret "bob"')
WRONG = Credential(username="bob", secret="nope", source='secret "wrong"')
NOW = float("-inf")


@pytest.fixture
async def resolver(real_registry, authority) -> AsyncIterator[RegistryResolver]:
    settings = Settings(
        network=Network(allow=("127.0.0.0/8", "::1")),
        registries=(Registry(match=real_registry.name, ca_file=str(authority.ca_file)),),
    )
    surroundings = Surroundings(environment={}, lookup=lambda host: ("127.0.0.1",))
    async with open_resolver(settings, surroundings, NullObserver()) as opened:
        yield opened


@pytest.fixture
def ask(resolver, real_registry):
    async def ask(image: str, *credentials: Credential, content: bool = False) -> Resolution:
        reference = Reference.parse(f"{real_registry.name}/{image}")
        deadline = asyncio.get_running_loop().time() + 10
        return await resolver.resolve(reference, credentials, deadline=deadline, not_before=NOW, content=content)

    return ask


def _readable_by(auth: str, image: str) -> tuple[Credential, ...]:
    return () if auth == "open" or (auth == "token" and image.startswith("public/")) else (BOB,)


@pytest.mark.parametrize("image", ["public/app:1.0", "team/app:1.0"])
async def test_an_image_that_is_there_resolves(ask, real_registry, image):
    resolution = await ask(image, *_readable_by(real_registry.auth, image))
    assert isinstance(resolution, Resolved), resolution
    assert resolution.digest.startswith("sha256:")
    assert resolution.media_type == "application/vnd.oci.image.manifest.v1+json"
    assert [attempt.method for attempt in resolution.attempts if attempt.step == "manifest"][-1] == "HEAD"


async def test_by_digest(ask, real_registry):
    login = _readable_by(real_registry.auth, "team")
    by_tag = await ask("team/app:1.1", *login)
    assert isinstance(by_tag, Resolved)
    by_digest = await ask(f"team/app@{by_tag.digest}", *login)
    assert isinstance(by_digest, Resolved)
    assert by_digest.digest == by_tag.digest


async def test_content_tells_platforms(ask, real_registry):
    login = _readable_by(real_registry.auth, "team")
    multi, single = await ask("team/app:multi", *login, content=True), await ask("team/app:1.0", *login, content=True)
    assert isinstance(multi, Resolved)
    assert isinstance(multi.content, Index)
    assert [str(each.platform) for each in multi.content.manifests] == ["linux/amd64", "linux/arm64"]
    assert isinstance(single, Resolved)
    assert isinstance(single.content, Manifest)
    assert str(single.content.platform) == "linux/amd64"


async def test_an_absent_tag_is_told_with_the_nearest(ask, real_registry):
    resolution = await ask("team/app:1.2", *_readable_by(real_registry.auth, "team"))
    assert isinstance(resolution, Unresolved)
    assert (resolution.failure, resolution.absent) == (Failure.NOT_FOUND, Absent.TAG)
    assert resolution.confirmed
    assert resolution.nearest_tags[:2] == ("1.1", "1.0")


async def test_an_absent_repository_is_told_apart(ask, real_registry):
    resolution = await ask("team/apq:1.0", *_readable_by(real_registry.auth, "team"))
    assert isinstance(resolution, Unresolved)
    assert (resolution.failure, resolution.absent) == (Failure.NOT_FOUND, Absent.REPOSITORY)
    assert resolution.confirmed


async def test_an_absent_digest_is_told_apart(ask, real_registry):
    resolution = await ask(f"team/app@sha256:{'0' * 64}", *_readable_by(real_registry.auth, "team"))
    assert isinstance(resolution, Unresolved)
    assert (resolution.failure, resolution.absent) == (Failure.NOT_FOUND, Absent.DIGEST)


async def test_no_login(ask, real_registry):
    resolution = await ask("team/app:1.0")
    expected = {"open": None, "htpasswd": Failure.LOGIN_WANTED, "token": Failure.HIDDEN}[real_registry.auth]
    assert (resolution.failure if isinstance(resolution, Unresolved) else None) == expected


async def test_a_wrong_login(ask, real_registry):
    resolution = await ask("team/app:1.0", WRONG)
    expected = None if real_registry.auth == "open" else Failure.LOGIN_REFUSED
    assert (resolution.failure if isinstance(resolution, Unresolved) else None) == expected


async def test_the_second_login_is_tried(ask):
    resolution = await ask("team/app:1.0", WRONG, BOB)
    assert isinstance(resolution, Resolved)


async def test_a_login_without_access(ask, real_registry):
    if real_registry.auth != "token":
        resolution = await ask("secret/app:1.0", BOB)
        assert isinstance(resolution, Unresolved)
        assert resolution.failure is Failure.NOT_FOUND
        return
    resolution = await ask("secret/app:1.0", BOB)
    assert isinstance(resolution, Unresolved)
    assert resolution.failure in (Failure.HIDDEN, Failure.FORBIDDEN, Failure.LOGIN_REFUSED)


async def test_two_hundred_cold_callers_cost_one_head(ask, real_registry):
    login = _readable_by(real_registry.auth, "team")
    before = real_registry.requests('"HEAD /v2/team/app/manifests/multi')
    resolutions = await asyncio.gather(*(ask("team/app:multi", *login) for _ in range(200)))
    assert all(isinstance(each, Resolved) for each in resolutions)
    asked = real_registry.requests('"HEAD /v2/team/app/manifests/multi') - before
    assert asked == {"open": 1, "htpasswd": 2, "token": 2}[real_registry.auth]  # the first of two is the challenge


async def test_secrets_stay_out_of_what_is_told(ask, real_registry):
    resolution = await ask("team/app:1.2", BOB)
    pair = f"{BOB.username}:{BOB.secret}"
    for text in (repr(resolution), json.dumps(str(resolution.attempts))):
        assert BOB.secret not in text
        assert base64.b64encode(pair.encode()).decode() not in text
    assert ANONYMOUS.id == ""
