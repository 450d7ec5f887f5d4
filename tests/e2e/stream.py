"""A steady stream of new pods, each asked for on time, whatever became of those before (I/O)."""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from kube import Api

IMAGE = "open.corp.example/stream/app:latest"
WARNING = f'container "app": {IMAGE} uses a mutable tag; pin a version or digest [latest-tag]'
"""What every pod of the stream is warned of by a webhook that has judged it."""

EVERY = 0.1
FAILED_OPEN = "failed-open.validating.webhook.admission.k8s.io/"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """How the request for one pod ended; `began` and `seconds` by the clock of this machine."""

    status: int
    message: str
    warnings: tuple[str, ...]
    began: float
    seconds: float


@dataclass
class Stream:
    """What came of the pods that were asked for in one namespace."""

    cluster: Path
    namespace: str
    answers: list[Answer] = field(default_factory=list)

    @property
    def failed(self) -> list[Answer]:
        """Those whose pod was not created."""
        return [answer for answer in self.answers if answer.status != 201]

    @property
    def unjudged(self) -> list[Answer]:
        """Those that were answered without a word from the webhook, or with another one."""
        return [answer for answer in self.answers if answer.warnings != (WARNING,)]

    @property
    def slowest(self) -> float:
        """Seconds of the longest wait."""
        return max(answer.seconds for answer in self.answers)

    def let_in(self) -> int:
        """Count, by the API server's own audit log, the pods for which no webhook could be asked."""
        lines = (self.cluster / "audit.log").read_text().splitlines()
        return sum(FAILED_OPEN in line and f'"namespace":"{self.namespace}"' in line for line in lines)


@contextmanager
def pods_created(loop: asyncio.AbstractEventLoop, cluster: Path, namespace: str) -> Iterator[Stream]:
    """Ask for a new pod every tenth of a second until the block is left, and wait for the last answers then."""
    stream, stop = Stream(cluster, namespace), asyncio.Event()
    running = asyncio.run_coroutine_threadsafe(_run(stream, stop), loop)
    try:
        yield stream
    finally:
        loop.call_soon_threadsafe(stop.set)
        running.result(90)


async def _run(stream: Stream, stop: asyncio.Event) -> None:
    async with Api(stream.cluster) as api, asyncio.TaskGroup() as group:
        begun = asyncio.get_running_loop().time()
        for number in count():
            if stop.is_set():
                break
            group.create_task(_create(api, stream, number))
            await asyncio.sleep(max(0.0, begun + (number + 1) * EVERY - asyncio.get_running_loop().time()))


async def _create(api: Api, stream: Stream, number: int) -> None:
    began = time.monotonic()
    reply = await api.create(_pod(number), namespace=stream.namespace)
    seconds = time.monotonic() - began
    stream.answers.append(
        Answer(status=reply.status, message=reply.message, warnings=reply.warnings, began=began, seconds=seconds)
    )


def _pod(number: int) -> dict[str, Any]:
    """Return a pod that no scheduler looks at: it is admitted like any other, and costs the node nothing."""
    spec = {"containers": [{"name": "app", "image": IMAGE}], "schedulingGates": [{"name": "e2e.test/never"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"pod-{number}"}, "spec": spec}


def describe(answers: list[Answer]) -> str:
    """Return a few answers, for an assertion that fails."""
    return json.dumps([[answer.status, answer.message, answer.warnings, answer.seconds] for answer in answers[:5]])
