"""A loop whose clock jumps instead of waiting, and registries that are a dictionary."""

import asyncio
import selectors
from collections import defaultdict
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from webhook.credentials.credential import Credential
from webhook.image.manifest import Index
from webhook.image.reference import Digest, Reference
from webhook.registry.failure import RegistryError
from webhook.registry.resolution import Absent, Attempt, Failure, Resolved, Step

T = TypeVar("T")


class _JumpingSelector(selectors.DefaultSelector):
    """Never waits: when nothing is ready, time passes at once."""

    passed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("everything waits for something that never comes")
        if not ready and timeout:
            self.passed += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop with a clock of its own, which starts at 1000."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return 1000.0 + self._jumping.passed


class FakeRegistries:
    """Registries as a client sees them: images by name, who may pull them, how long they think, what is wrong.

    What is told is what was true when the question arrived, however long the answer takes: the worst case.
    """

    def __init__(self) -> None:
        self.images: dict[tuple[str, str], Digest] = {}
        self.contents: dict[Digest, Index] = {}
        self.private: dict[str, set[str]] = {}  # repository name -> usernames
        self.listed: dict[str, tuple[str, ...]] = {}
        self.wrong: dict[str, RegistryError | Exception] = {}  # registry -> what it raises
        self.delay: dict[str, float] = defaultdict(float)
        self.looks: list[tuple[float, str, str, bool]] = []
        self.lists: list[tuple[float, str, str]] = []
        self.fetched: list[tuple[str, Digest]] = []
        self.inside: dict[str, int] = defaultdict(int)
        self.most_inside: dict[str, int] = defaultdict(int)

    def push(self, name: str, identifier: str, digest: str = "sha256:" + "a" * 64) -> None:
        self.images[name, identifier] = Digest(digest)
        self.images[name, digest] = Digest(digest)

    async def look(self, reference: Reference, credential: Credential, *, deadline: float, content: bool) -> Resolved:
        loop = asyncio.get_running_loop()
        self.looks.append((loop.time(), str(reference), credential.source, content))
        wrong, told = self.wrong.get(reference.registry), self._told(reference, credential, content=content)
        registry = reference.registry
        self.inside[registry] += 1
        self.most_inside[registry] = max(self.most_inside[registry], self.inside[registry])
        try:
            await asyncio.sleep(self.delay[registry])
        finally:
            self.inside[registry] -= 1
        if wrong is not None:
            raise wrong
        if isinstance(told, RegistryError):
            raise told
        return told

    async def content(self, resolved: Resolved, credential: Credential, *, deadline: float) -> Resolved:
        self.fetched.append((str(resolved.reference), resolved.digest))
        return replace(resolved, content=self.contents.get(resolved.digest))

    async def tags(self, reference: Reference, credential: Credential, *, deadline: float) -> tuple[str, ...]:
        loop = asyncio.get_running_loop()
        self.lists.append((loop.time(), reference.name, credential.source))
        await asyncio.sleep(self.delay[f"{reference.registry} tags"])
        if reference.name not in self.listed:
            raise refusal(Failure.NOT_FOUND, absent=Absent.REPOSITORY)
        return self.listed[reference.name]

    def _told(self, reference: Reference, credential: Credential, *, content: bool) -> Resolved | RegistryError:
        attempt = Attempt(
            endpoint=f"https://{reference.registry}", credential=credential.source, step=Step.MANIFEST, method="HEAD"
        )
        users = self.private.get(reference.name)
        if users is not None and credential.username not in users:
            failure = Failure.HIDDEN if credential.anonymous else Failure.LOGIN_REFUSED
            return refusal(failure, attempts=(attempt,))
        digest = self.images.get((reference.name, reference.identifier))
        if digest is None:
            return refusal(Failure.NOT_FOUND, absent=Absent.TAG, confirmed=True, attempts=(attempt,))
        return Resolved(
            reference=reference,
            digest=digest,
            media_type="application/vnd.oci.image.index.v1+json",
            content=self.contents.get(digest) if content else None,
            attempts=(attempt,),
        )


def refusal(failure: Failure, **fields: Any) -> RegistryError:
    message = f"{fields.get('absent', Absent.UNKNOWN)} not found" if failure is Failure.NOT_FOUND else str(failure)
    return RegistryError(failure=failure, message=message, **fields)


def reference(text: str) -> Reference:
    """Read `registry/repository:tag` or `…@digest`, without a grammar."""
    name, at, digest = text.partition("@")
    registry, _, rest = name.partition("/")
    repository, colon, tag = rest.partition(":")
    return Reference(
        registry=registry,
        repository=repository,
        tag=tag if colon else None,
        digest=Digest(digest) if at else None,
    )


@pytest.fixture(scope="session")
def virtual() -> Callable[[Coroutine[Any, Any, T]], T]:
    """Run a coroutine in a loop whose clock jumps."""

    def run(main: Coroutine[Any, Any, T]) -> T:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            return runner.run(main)

    return run


@pytest.fixture(scope="session")
def new_registries() -> type[FakeRegistries]:
    """For tests that need fresh ones for each example."""
    return FakeRegistries


@pytest.fixture
def registries() -> FakeRegistries:
    return FakeRegistries()


@pytest.fixture(scope="session")
def refuse() -> Callable[..., RegistryError]:
    return refusal


@pytest.fixture(scope="session")
def ref() -> Callable[[str], Reference]:
    return reference
