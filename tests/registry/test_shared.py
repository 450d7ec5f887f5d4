"""What replicas share, on a real store: one look for all, and nothing for a denial or a reader of the store to use."""

import asyncio
import socket
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from redis.asyncio import Redis

from webhook.credentials.credential import Credential
from webhook.demo.authority import Authority
from webhook.demo.site import Certificate
from webhook.image.manifest import Index
from webhook.image.reference import Digest, Reference
from webhook.registry.cache import ANY_AGE, Answer, Key, Lifetimes
from webhook.registry.failure import error_of
from webhook.registry.observer import NullObserver
from webhook.registry.resolution import Failure, Resolved, Unresolved
from webhook.registry.resolver import RegistryResolver
from webhook.registry.shared import SharedStore
from webhook.settings.schema import Cache, Settings, SharedCache
from webhook.wiring.registries import Surroundings, UnusableCache, open_resolver

PASSWORD = "of the store"  # see the fixture `store`
DIGEST = Digest("sha256:" + "a" * 64)
OTHER = Digest("sha256:" + "b" * 64)
PATIENT = 5.0
ALICE = Credential(username="alice", secret="wonderland-7", source='secret "a"')
BOB = Credential(username="bob", secret="builder-9", source='secret "b"')


class Registries:
    """Registries that hold some images, private ones for Alice alone; counts who looked."""

    def __init__(self) -> None:
        self.images: dict[str, Digest] = {}
        self.private: set[str] = set()
        self.looks: Counter[str] = Counter()
        self.fetched: Counter[str] = Counter()
        self.gate = asyncio.Event()
        self.gate.set()

    async def look(self, reference: Reference, credential: Credential, *, deadline: float, content: bool) -> Resolved:
        self.looks[f"{credential.username} {reference}"] += 1
        await self.gate.wait()
        if reference.name in self.private and credential.username != "alice":
            raise error_of(Failure.LOGIN_REFUSED, "401")
        digest = self.images.get(str(reference))
        if digest is None:
            raise error_of(Failure.NOT_FOUND, "not found")
        return Resolved(
            reference=reference, digest=digest, media_type="application/vnd.oci.image.index.v1+json",
            endpoint=f"https://{reference.registry}", content=INDEX if content else None,
        )  # fmt: skip

    async def content(self, resolved: Resolved, credential: Credential, *, deadline: float) -> Resolved:
        self.fetched[str(resolved.reference)] += 1
        if resolved.digest not in self.images.values():
            raise error_of(Failure.NOT_FOUND, "not found")
        return replace(resolved, content=INDEX)

    async def tags(self, reference: Reference, credential: Credential, *, deadline: float) -> tuple[str, ...]:
        return ()


INDEX = Index(media_type="application/vnd.oci.image.index.v1+json", manifests=())


@pytest.fixture
async def redis(store: str) -> AsyncIterator[Redis]:
    """A reader of the store, which is empty at first."""
    async with Redis.from_url(store, password=PASSWORD) as client:
        await client.flushall()
        yield client


@asynccontextmanager
async def replicas(
    url: str, client: Registries, number: int, *, password: str = PASSWORD, patience: float = PATIENT
) -> AsyncIterator[list[RegistryResolver]]:
    async with AsyncExitStack() as stack:
        resolvers = []
        for _ in range(number):
            shared = SharedStore(url, password=password, prefix="test:", timeout=patience, claim=30.0)
            stack.push_async_callback(shared.aclose)
            resolvers.append(await stack.enter_async_context(RegistryResolver(client, shared=shared)))
        yield resolvers


def image(number: int = 0) -> Reference:
    return Reference.parse(f"registry.example/shop/app:{number}")


async def resolve(
    resolver: RegistryResolver, reference: Reference, *logins: Credential, second: bool = False, content: bool = False
) -> Resolved | Unresolved:
    now = asyncio.get_running_loop().time()
    return await resolver.resolve(
        reference, logins, deadline=now + 60, not_before=now if second else ANY_AGE, content=content,
        fresh=second and reference.digest is None,
    )  # fmt: skip


async def test_replicas_look_once_for_all_of_them(store: str, redis: Redis) -> None:
    client = Registries()
    client.images = {str(image(number)): DIGEST for number in range(40)}
    async with replicas(store, client, 5) as resolvers:
        answers = await asyncio.gather(
            *(resolve(each, image(number), ALICE) for number in range(40) for each in resolvers)
        )
    assert {answer.digest for answer in answers if isinstance(answer, Resolved)} == {DIGEST}
    assert len(answers) == 200
    assert sum(client.looks.values()) == 40
    assert max(client.looks.values()) == 1


async def test_one_look_for_each_login(store: str, redis: Redis) -> None:
    client = Registries()
    client.images, client.private = {str(image()): DIGEST}, {image().name}
    async with replicas(store, client, 3) as resolvers:
        alice = [await resolve(each, image(), ALICE) for each in resolvers]
        bob = [await resolve(each, image(), BOB) for each in resolvers]
        nobody = [await resolve(each, image()) for each in resolvers]
    assert all(isinstance(answer, Resolved) for answer in alice)
    assert not any(isinstance(answer, Resolved) for answer in bob + nobody)
    assert client.looks[f"alice {image()}"] == 1
    assert client.looks[f"bob {image()}"] == 3


async def test_a_no_is_never_shared(store: str, redis: Redis) -> None:
    client = Registries()
    async with replicas(store, client, 3) as resolvers:
        answers = [await resolve(each, image(), ALICE) for each in resolvers]
        assert all(isinstance(answer, Unresolved) for answer in answers)
        assert sum(client.looks.values()) == 3
        assert await redis.keys("*") == []


async def test_those_who_wait_for_a_look_that_fails_look_themselves(store: str, redis: Redis) -> None:
    client = Registries()
    client.gate.clear()
    async with replicas(store, client, 2) as (one, two):
        first = asyncio.create_task(resolve(one, image()))
        await until(lambda: sum(client.looks.values()) == 1)
        asked = await commands(redis)
        second = asyncio.create_task(resolve(two, image()))
        while await commands(redis) < asked + 2:  # noqa: ASYNC110 - the second one polls: it waits for the first
            await asyncio.sleep(0.005)
        assert sum(client.looks.values()) == 1
        client.gate.set()
        assert isinstance(await first, Unresolved)
        assert isinstance(await second, Unresolved)
    assert sum(client.looks.values()) == 2


async def test_the_store_holds_nothing_that_can_be_read(store: str, redis: Redis) -> None:
    client = Registries()
    client.images = {str(image()): DIGEST}
    async with replicas(store, client, 1) as (one,):
        await resolve(one, image(), ALICE)
        await resolve(one, image())
    keys = await redis.keys("*")
    assert len(keys) == 2
    held = b" ".join([*keys, *[await redis.get(key) for key in keys]])
    for word in ("registry.example", "shop", "app", "alice", "wonderland", DIGEST, "aaaaaaaa", "vnd.oci", ALICE.id):
        assert word.encode() not in held
    ends = [await redis.pttl(key) for key in keys]
    assert all(0 < end <= 60_000 for end in ends)


@pytest.mark.parametrize("poison", [b"x", b"{}", b"\0" * 64, b"y" * 5000], ids=["short", "json", "zeros", "long"])
async def test_what_was_not_sealed_by_a_replica_is_nobodys_word(store: str, redis: Redis, poison: bytes) -> None:
    client = Registries()
    client.images = {str(image()): DIGEST}
    async with replicas(store, client, 2) as (one, two):
        await resolve(one, image())
        (key,) = await redis.keys("*")
        await redis.set(key, poison, px=60_000)
        assert isinstance(await resolve(two, image()), Resolved)
    assert sum(client.looks.values()) == 2


async def test_an_answer_under_another_name_is_nobodys_word(store: str, redis: Redis) -> None:
    client = Registries()
    client.images = {str(image(1)): DIGEST, str(image(2)): OTHER}
    async with replicas(store, client, 2) as (one, two):
        await resolve(one, image(1))
        (first,) = await redis.keys("*")
        await resolve(one, image(2))
        (second,) = set(await redis.keys("*")) - {first}
        await redis.copy(first, second, replace=True)
        answer = await resolve(two, image(2))
    assert isinstance(answer, Resolved)
    assert answer.digest == OTHER


async def test_replicas_of_another_installation_are_strangers(store: str, redis: Redis) -> None:
    client = Registries()
    client.images = {str(image()): DIGEST}
    names = [
        SharedStore(store, password=password, prefix="test:", timeout=PATIENT)._name(image(), ALICE)
        for password in (PASSWORD, "of another")
    ]
    assert names[0] != names[1]


async def test_no_second_look_is_served_by_hearsay(store: str, redis: Redis) -> None:
    client = Registries()
    pinned = Reference.parse(f"registry.example/shop/app@{DIGEST}")
    client.images = {str(image()): DIGEST, str(pinned): DIGEST}
    async with replicas(store, client, 2) as (one, two):
        for reference in (image(), pinned):
            await resolve(one, reference)
            await resolve(two, reference)
            assert client.looks[f" {reference}"] == 1
            await resolve(two, reference, second=True)
            assert client.looks[f" {reference}"] == 2


async def test_a_look_that_finds_it_gone_takes_the_shared_answer_away(store: str, redis: Redis) -> None:
    client = Registries()
    client.images = {str(image()): DIGEST}
    async with replicas(store, client, 2) as (one, two):
        await resolve(one, image())
        client.images.clear()
        assert isinstance(await resolve(two, image(), second=True), Unresolved)
        assert await redis.keys("*") == []


async def test_content_is_fetched_by_its_digest_without_another_look(store: str, redis: Redis) -> None:
    client = Registries()
    client.images = {str(image()): DIGEST}
    async with replicas(store, client, 3) as resolvers:
        answers = [await resolve(each, image(), content=True) for each in resolvers]
    assert all(isinstance(answer, Resolved) and answer.content == INDEX for answer in answers)
    assert sum(client.looks.values()) == 1
    assert client.fetched[str(image())] == 2


async def test_content_that_is_gone_tells_nothing(store: str, redis: Redis) -> None:
    client = Registries()
    client.images = {str(image()): DIGEST}
    async with replicas(store, client, 2) as (one, two):
        await resolve(one, image())
        client.images = {str(image()): OTHER}  # the tag moved, and the old digest was deleted
        answer = await resolve(two, image(), content=True)
    assert isinstance(answer, Resolved)
    assert answer.digest == OTHER


def test_hearsay_ends_with_the_answer_it_came_from() -> None:
    key = Key("registry.example", "shop/app", "1", "", False)
    resolved = Resolved(reference=image(), digest=DIGEST, media_type=INDEX.media_type)
    assert Lifetimes().of(key, Answer(resolved, 0.0)) == 60.0
    assert Lifetimes().of(key, Answer(resolved, ANY_AGE, heard_for=3.5)) == 3.5


GARBLED = [
    b"+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n",
    b":abc\r\n",
    b"$abc\r\n",
    b"*3\r\n:1\r\n:2\r\n:3\r\n",
    b"_\r\n_\r\n_\r\n",
    b"%1\r\n+proto\r\n:x\r\n",
    b"-\xff\xfe\r\n",
    b"<html>\r\n",
    b"\x00\xff\r\n",
]


@pytest.mark.parametrize("answer", GARBLED)
@pytest.mark.parametrize("good", range(4), ids="after {} right ones".format)
async def test_a_store_that_talks_nonsense_is_no_store(answer: bytes, good: int) -> None:
    """The first answers are right, so that every step of the conversation meets the nonsense once."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left = good
        while await reader.read(65536):
            writer.write(b"+OK\r\n+OK\r\n" if left > 0 else answer)
            left -= 1
        writer.close()

    client = Registries()
    client.images = {str(image(number)): DIGEST for number in range(3)}
    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with server:
        url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
        async with replicas(url, client, 1, patience=0.02) as (resolver,):
            for number in range(3):
                assert isinstance(await resolve(resolver, image(number)), Resolved)
            assert not isinstance(await resolve(resolver, image(9)), Resolved)
    assert sum(client.looks.values()) == 4


@pytest.mark.parametrize("shape", ["silent", "closed", "hangs up", "refuses the password"])
async def test_without_the_store_everyone_looks_for_themselves(
    shape: str, store: str, redis: Redis, silent: Callable[[str], Awaitable[tuple[str, list[int]]]]
) -> None:
    client = Registries()
    client.images = {str(image(number)): DIGEST for number in range(20)}
    url, met = (store, [0]) if shape == "refuses the password" else await silent(shape)
    password = "of a stranger" if shape == "refuses the password" else PASSWORD
    async with replicas(url, client, 2, password=password, patience=0.02) as resolvers:
        for each in resolvers:
            for number in range(20):
                assert isinstance(await resolve(each, image(number)), Resolved)
    assert sum(client.looks.values()) == 40
    assert met[0] <= 2, "a store that failed is left alone for a while: one try for each replica"


async def test_a_store_that_never_ends_a_connection_does_not_keep_us(tmp_path: Path) -> None:
    """Over TLS, both sides take part in an end: this one answers until then and is deaf from then on."""
    authority = Authority(tmp_path)
    deaf, over, asked = threading.Event(), threading.Event(), 0

    def serve(listening: socket.socket) -> None:
        nonlocal asked
        connection, _ = listening.accept()
        with authority.context("127.0.0.1", Certificate.VALID).wrap_socket(connection, server_side=True) as talking:
            talking.settimeout(0.05)
            while not deaf.is_set():
                with suppress(TimeoutError):
                    asked += len(talking.recv(65536))
                    talking.sendall(b"+OK\r\n+OK\r\n")
            over.wait(30)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=(listening,))
        thread.start()
        url = f"rediss://127.0.0.1:{listening.getsockname()[1]}?ssl_ca_certs={authority.file}"
        shared = SharedStore(url, password=PASSWORD, prefix="test:", timeout=0.2)
        authority.file.unlink()  # it has been read, once for all connections
        try:
            await shared.ask(image(), ALICE)
            deaf.set()
            await asyncio.to_thread(time.sleep, 0.2)
            await shared.aclose()
        finally:
            over.set()
            await asyncio.to_thread(thread.join)
    assert asked, "there was a connection"


@pytest.fixture
async def silent() -> AsyncIterator[Callable[[str], Awaitable[tuple[str, list[int]]]]]:
    """Something that is no store: its URL, and how many connections it met."""
    servers: list[asyncio.Server] = []

    async def start(shape: str) -> tuple[str, list[int]]:
        met = [0]

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            met[0] += 1
            if shape == "silent":
                await reader.read()
            writer.close()

        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        servers.append(server)
        if shape == "closed":
            server.close()
        return f"redis://127.0.0.1:{port}/0", met

    yield start
    for server in servers:
        server.close()
        await server.wait_closed()


async def commands(redis: Redis) -> int:
    """Return how often anyone asked the store how long something holds."""
    told = await redis.info("commandstats")
    return int(told.get("cmdstat_pttl", {"calls": 0})["calls"])


async def until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110 - nobody could set an event
        await asyncio.sleep(0.005)


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "cannot be read"), ("", "is empty"), (" \n", "is empty")],
    ids=["absent", "empty", "blank"],
)
async def test_a_password_is_needed(tmp_path: Path, content: str | None, said: str) -> None:
    file = tmp_path / "password"
    if content is not None:
        file.write_text(content)
    settings = Settings(cache=Cache(shared=SharedCache(enabled=True, url="redis://c", password_file=str(file))))
    with pytest.raises(UnusableCache, match=said):
        await opened(settings)


async def test_names_are_derived_from_the_password() -> None:
    with pytest.raises(UnusableCache, match="passwordFile is missing"):
        await opened(Settings(cache=Cache(shared=SharedCache(enabled=True, url="redis://c"))))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("ssl_ca_certs=/nowhere/ca.crt", "certificate files: .*No such file"),
        ("ssl_certfile=/nowhere/tls.crt", "certificate files: .*No such file"),
        ("ssl_cert_reqs=perhaps", "certificate files: .*perhaps"),
        ("socket_timeout=perhaps", "socket_timeout"),
    ],
)
async def test_what_is_wrong_with_the_url_is_told_when_it_is_opened(tmp_path: Path, options: str, said: str) -> None:
    file = tmp_path / "password"
    file.write_text(PASSWORD)
    shared = SharedCache(enabled=True, url=f"rediss://127.0.0.1:1?{options}", password_file=str(file))
    with pytest.raises(UnusableCache, match=f"cache.shared.url cannot be used: .*{said}") as told:
        await opened(Settings(cache=Cache(shared=shared)))
    assert PASSWORD not in str(told.value)


async def test_nothing_is_shared_unless_it_is_switched_on(
    silent: Callable[[str], Awaitable[tuple[str, list[int]]]],
) -> None:
    url, met = await silent("hangs up")
    await opened(Settings(cache=Cache(shared=SharedCache(url=url))))
    assert met == [0]


async def opened(settings: Settings) -> None:
    """Open a resolver and ask it for an image whose registry refuses connections."""
    here = Surroundings(environment={}, loopback=True)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        reference = Reference.parse(f"127.0.0.1:{taken.getsockname()[1]}/app:1")
        async with open_resolver(settings, here, NullObserver()) as resolver:
            assert isinstance(await resolve(resolver, reference), Unresolved)
