"""Whatever happens in whatever order, these hold:

- who is told no is told by a look that began at or after the moment they named;
- who is told yes is told by a look at most a lifetime old;
- looks at one image with one login never overlap, and after a no they begin at least a second apart;
- everyone is answered by their deadline;
- what is told was true when the look began.
"""

import asyncio
from dataclasses import dataclass
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from webhook.credentials.credential import Credential
from webhook.registry.cache import PACE
from webhook.registry.resolution import Failure, Resolved
from webhook.registry.resolver import RegistryResolver

EPSILON = 1e-6
LOGINS = tuple(Credential(username=name, secret="x", source=name) for name in ("a", "b"))


@dataclass(frozen=True)
class Ask:
    """Somebody asks, who accepts refusals as old as `age` (None: any), within `within` seconds."""

    logins: tuple[int, ...]
    age: float | None
    within: float
    disconnects: float | None


@dataclass(frozen=True)
class Push:
    """The image comes or goes."""

    there: bool


@dataclass(frozen=True)
class Slow:
    """The registry takes so long from now on."""

    seconds: float


@dataclass(frozen=True)
class Share:
    """So many of the logins may pull from now on."""

    users: frozenset[str]


moments = st.floats(0, 8, allow_nan=False).map(lambda second: round(second, 1))
asks = st.builds(
    Ask,
    logins=st.sampled_from([(0,), (1,), (0, 1), (1, 0)]),
    age=st.none() | st.sampled_from([0.0, 0.0, 0.3, 2.0]),
    within=st.sampled_from([0.0, 0.2, 1.0, 3.0, 15.0]),
    disconnects=st.none() | st.sampled_from([0.0, 0.1, 1.0]),
)
changes = (
    st.builds(Push, there=st.booleans())
    | st.builds(Slow, seconds=st.sampled_from([0.0, 0.05, 0.7, 1.5, 6.0]))
    | st.builds(Share, users=st.sampled_from([frozenset("a"), frozenset("b"), frozenset("ab"), frozenset()]))
)
programs = st.lists(st.tuples(moments, asks | changes), max_size=25).map(
    lambda program: sorted(program, key=lambda event: event[0])
)


class Ledger:
    """A client whose every look is written down: when it began and ended, with what login, and what it told."""

    def __init__(self, registries) -> None:
        self.registries = registries
        self.looks: list[list] = []

    async def look(self, reference, credential, *, deadline, content):
        entry = [asyncio.get_running_loop().time(), float("inf"), credential.source, False]
        self.looks.append(entry)
        try:
            resolved = await self.registries.look(reference, credential, deadline=deadline, content=content)
            entry[3] = True
            return resolved
        finally:
            entry[1] = asyncio.get_running_loop().time()

    async def tags(self, reference, credential, *, deadline):
        return await self.registries.tags(reference, credential, deadline=deadline)


async def run(program, registries, reference):
    """Run the program; return the looks and what everyone was told, when, and what they had asked for."""
    loop = asyncio.get_running_loop()
    ledger, told, start = Ledger(registries), [], loop.time()
    registries.private[reference.name] = {"a", "b"}
    registries.delay[reference.registry] = 0.7

    async def ask(resolver, event: Ask) -> None:
        asked = loop.time()
        not_before = float("-inf") if event.age is None else asked - event.age
        logins = tuple(LOGINS[each] for each in event.logins)
        resolution = await resolver.resolve(reference, logins, deadline=asked + event.within, not_before=not_before)
        told.append((asked, loop.time(), event, not_before, resolution))

    async with RegistryResolver(ledger) as resolver:
        callers = []
        for moment, event in program:
            await asyncio.sleep(start + moment - loop.time())
            match event:
                case Ask():
                    callers.append(asyncio.create_task(ask(resolver, event)))
                    if event.disconnects is not None:
                        loop.call_later(event.disconnects, callers[-1].cancel)
                case Push(there=True):
                    registries.push(reference.name, reference.identifier)
                case Push():
                    registries.images.clear()
                case Slow(seconds=seconds):
                    registries.delay[reference.registry] = seconds
                case Share(users=users):
                    registries.private[reference.name] = set(users)
        await asyncio.gather(*callers, return_exceptions=True)
    assert all(caller.cancelled() or caller.exception() is None for caller in callers)
    return ledger.looks, told


def ended_by(looks, moment, sources):
    return [look for look in looks if look[1] <= moment + EPSILON and look[2] in sources]


@settings(max_examples=300, deadline=None)
@given(program=programs)
def test_the_laws_of_looks_and_answers(program, virtual, new_registries, ref) -> None:
    looks, told = virtual(run(program, new_registries(), ref("reg.test/app:1")))

    for source in ("a", "b"):
        mine = [look for look in looks if look[2] == source]
        for before, after in pairwise(mine):
            assert before[1] <= after[0] + EPSILON, "looks overlap"
            assert before[3] or after[0] - before[0] >= PACE - EPSILON, "looks are too close"

    for asked, answered, event, not_before, resolution in told:
        assert answered <= asked + event.within + EPSILON, "late"
        sources = [LOGINS[each].username for each in event.logins]
        known = ended_by(looks, answered, sources)
        if isinstance(resolution, Resolved):
            assert any(look[3] and look[0] >= asked - 60 - EPSILON for look in known), "a yes from nowhere"
        elif resolution.failure is not Failure.OUT_OF_TIME:
            for source in sources:
                assert any(not look[3] and look[0] >= not_before - EPSILON for look in known if look[2] == source), (
                    "a no that is too old"
                )
