"""Reviews as an API server sends them, many at once, and what came of each (I/O)."""

import asyncio
import itertools
import json
import ssl
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
from world import DENIED, NAMESPACE, Registries, Sort

TIMEOUT = 2.0
"""Seconds that the API server of a run waits: `?timeout=`, and what a review must be answered in."""


@dataclass(frozen=True)
class Outcome:
    """What came of one review. `codes` are those told in warnings and denial; seconds."""

    sort: Sort
    sent: float
    seconds: float
    answered: bool
    allowed: bool = True
    codes: frozenset[str] = frozenset()
    told: str = ""
    port: int = 0

    @property
    def right(self) -> bool:
        """Whether it is what a healthy webhook says."""
        denied = DENIED.get(self.sort)
        if denied is not None:
            return self.answered and not self.allowed and self.codes == {denied}
        return self.answered and self.allowed and not self.codes

    @property
    def wrongly_denied(self) -> bool:
        return not self.allowed and self.sort not in DENIED


class Caller:
    """Sends reviews to one webhook."""

    def __init__(self, registries: Registries, port: Callable[[], int], trust: ssl.SSLContext) -> None:
        self._registries = registries
        self._port = port
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=25)
        self._client = httpx.AsyncClient(verify=trust, trust_env=False, limits=limits, timeout=TIMEOUT)

    async def aclose(self) -> None:
        await self._client.aclose()

    async def ask(self, sort: Sort) -> Outcome:
        """Send one review of that sort."""
        body = review(self._registries.pod(sort))
        sent, port = time.monotonic(), self._port()
        steps = [""]

        async def trace(step: str, _: object) -> None:
            steps[0] = step

        try:
            async with asyncio.timeout(TIMEOUT):
                answer = await self._client.post(
                    f"https://127.0.0.1:{port}/validate?timeout={TIMEOUT:g}s",
                    content=body,
                    headers={"content-type": "application/json"},
                    extensions={"trace": trace},
                )
            response = answer.json()["response"] if answer.status_code == 200 else None
        except (httpx.HTTPError, TimeoutError, KeyError, ValueError) as error:
            told = f"{type(error).__name__} after {steps[0]}"
            return Outcome(sort, sent, time.monotonic() - sent, False, told=told, port=port)
        seconds = time.monotonic() - sent
        if response is None:
            return Outcome(sort, sent, seconds, False, told=f"{answer.status_code} {answer.text[:200]}", port=port)
        told = [*response.get("warnings", ()), *response.get("status", {}).get("message", "").splitlines()]
        codes = frozenset(line[line.rindex("[") + 1 : -1] for line in told if line.endswith("]"))
        return Outcome(sort, sent, seconds, True, response["allowed"], codes, " | ".join(told), port)

    async def ask_all(self) -> list[Outcome]:
        """Send one review of each sort, at once."""
        return list(await asyncio.gather(*(self.ask(sort) for sort in Sort)))


def review(spec: dict[str, object]) -> bytes:
    """Return the review of a pod that is to be made."""
    name = f"p-{uuid.uuid4().hex[:12]}"
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec}
    request = {
        "uid": str(uuid.uuid4()),
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "resource": {"group": "", "version": "v1", "resource": "pods"},
        "name": name,
        "namespace": NAMESPACE,
        "operation": "CREATE",
        "userInfo": {"username": "somebody"},
        "object": pod,
    }
    return json.dumps({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}).encode()


@dataclass
class Load:
    """Reviews of all sorts in turn, at a steady pace, whether or not those before were answered."""

    caller: Caller
    rate: float
    outcomes: list[Outcome] = field(default_factory=list)
    _asking: "set[asyncio.Task[None]]" = field(default_factory=set)
    _sorts: "itertools.cycle[Sort]" = field(default_factory=lambda: itertools.cycle(Sort))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Send until the block is left, then wait for the last answers."""
        sending = asyncio.create_task(self._send())
        try:
            yield
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            await asyncio.gather(*self._asking)

    def take(self) -> list[Outcome]:
        """Return what came in since this was last called."""
        found, self.outcomes = self.outcomes, []
        return found

    async def _send(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            task = asyncio.create_task(self._one(next(self._sorts)))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)
            due = max(due + 1 / self.rate, loop.time() - 0.5)
            await asyncio.sleep(due - loop.time())

    async def _one(self, sort: Sort) -> None:
        outcome = await self.caller.ask(sort)
        self.outcomes.append(outcome)  # the list may be another by now


def codes_told(outcomes: list[Outcome]) -> Counter[str]:
    """Count the codes of those that were not judged as a healthy webhook would."""
    return Counter(code for each in outcomes if each.answered and not each.right for code in each.codes)
