"""Many images, many tenants: what is kept is bounded, and nobody's access answers for another."""

import asyncio
import base64
import gc
import json
import tracemalloc

import pytest

from webhook.cluster.secrets import ClusterPullSecrets
from webhook.credentials.credential import Credential
from webhook.credentials.dockerconfig import decode_secret
from webhook.credentials.keychain import Keychain
from webhook.image.reference import Reference
from webhook.registry.resolution import Resolved
from webhook.registry.resolver import RegistryResolver
from webhook.workload.workload import Workload

ANY_AGE = float("-inf")


async def resolve(resolver, reference, *logins, not_before=ANY_AGE):
    deadline = asyncio.get_running_loop().time() + 60
    return await resolver.resolve(reference, logins, deadline=deadline, not_before=not_before)


async def test_ten_thousand_images_leave_no_more_entries_than_allowed(registries) -> None:
    async with RegistryResolver(registries, entries=2_000) as resolver:
        for number in range(10_000):
            await resolve(resolver, Reference.parse(f"r{number % 50}.example/app-{number}:1"))
        assert len(resolver._answers._kept) == 2_000
        assert not len(resolver._looks)
        assert not len(resolver._walks)
    assert registries.looks.total() == 10_000


async def test_an_entry_takes_less_than_two_kilobytes(registries) -> None:
    async with RegistryResolver(registries) as resolver:
        await resolve(resolver, Reference.parse("r.example/first:1"))
        images = [Reference.parse(f"r{number % 50}.example/app-{number}:1") for number in range(2_000)]
        gc.collect()
        tracemalloc.start()
        try:
            for image in images:
                await resolve(resolver, image)
            gc.collect()
            kept = tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
    assert kept / len(images) < 2_000


async def test_ten_thousand_warm_images_are_asked_for_once(registries) -> None:
    images = [Reference.parse(f"r{number % 50}.example/app-{number}:1") for number in range(10_000)]
    async with RegistryResolver(registries) as resolver:
        for _ in range(2):
            for image in images:
                await resolve(resolver, image)
        assert all(resolver.recall(image, ()) is not None for image in images)
    assert registries.looks.total() == 10_000


async def test_no_tenants_access_answers_for_another(registries) -> None:
    """1,000 namespaces, each with its own login and its own private image; each also tries its neighbour's."""
    logins = [Credential(username="robot", secret=f"s-{number}", source='secret "regcred"') for number in range(1_000)]
    images = [Reference.parse(f"registry.example/team-{number}/app:1") for number in range(1_000)]
    registries.readers = {image.name: login.secret for image, login in zip(images, logins, strict=True)}
    async with RegistryResolver(registries) as resolver:
        for _ in range(2):
            for number, login in enumerate(logins):
                own = await resolve(resolver, images[number], login)
                others = await resolve(resolver, images[number - 1], login)
                assert isinstance(own, Resolved)
                assert not isinstance(others, Resolved)
                assert resolver.recall(images[number - 1], (login,)) is None
                assert resolver.recall(images[number], ()) is None
    assert max(registries.by_login.values()) == 1
    assert len(registries.by_login) == 2_000


class Api:
    """An API server that holds a pull secret in every namespace, and counts."""

    def __init__(self) -> None:
        self.reads: list[str] = []

    async def request(self, method: str, path: str, **_: object) -> bytes:
        self.reads.append(path)
        namespace, name = path.split("/")[4], path.split("/")[6]
        auths = {"auths": {"registry.example": {"username": "robot", "password": namespace}}}
        data = {".dockerconfigjson": base64.b64encode(json.dumps(auths).encode()).decode()}
        metadata = {"namespace": namespace, "name": name}
        return json.dumps({"metadata": metadata, "type": "kubernetes.io/dockerconfigjson", "data": data}).encode()


@pytest.mark.parametrize("pods", [5])
async def test_reads_of_secrets_are_bounded_by_their_lifetime(pods: int) -> None:
    api = Api()
    source = ClusterPullSecrets(api, decode_secret, ttl=60.0)
    image = Reference.parse("registry.example/app:1")
    deadline = asyncio.get_running_loop().time() + 60
    for _ in range(pods):
        for number in range(1_000):
            pod = Workload(kind="Pod", namespace=f"team-{number}", name="app", pull_secrets=("regcred",))
            secrets = await source.pull_secrets(pod, deadline=deadline, not_before=ANY_AGE)
            (login,) = Keychain(secrets.secrets).lookup(image)
            assert login.secret == f"team-{number}"
    assert len(api.reads) == len(set(api.reads)) == 1_000
    await source.close()
