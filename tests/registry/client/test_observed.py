"""What an observer is told."""

from typing import Any

import pytest

from webhook.registry.observer import CacheOutcome, NullObserver


class Notes(NullObserver):
    def __init__(self) -> None:
        self.requests: list[tuple[str, str, str]] = []
        self.left: list[tuple[str, int]] = []

    def request(self, registry: str, method: str, outcome: str, seconds: float) -> None:
        assert seconds >= 0
        self.requests.append((registry, method, outcome))

    def rate_limit(self, registry: str, remaining: int) -> None:
        self.left.append((registry, remaining))


async def test_every_request_of_a_look(network: Any, ask: Any) -> None:
    notes = Notes()
    asks = {"WWW-Authenticate": 'Bearer realm="https://auth.example/token"'}
    scripted = network(
        {"path": "/v2/", "auth": "none", "status": 401, "headers": asks},
        {"path": "/token", "status": 200, "body": '{"token":"t"}'},
        {"path": "/v2/", "status": 429, "headers": {"ratelimit-limit": "100;w=60", "ratelimit-remaining": "0;w=60"}},
    )
    await ask(scripted, "nginx:1", observer=notes)
    assert notes.requests == [("docker.io", "HEAD", "401"), ("docker.io", "GET", "200"), ("docker.io", "HEAD", "429")]
    assert notes.left == [("docker.io", 0)]


@pytest.mark.parametrize(("delay", "outcome"), [(0.0, "connect"), (5.0, "out-of-time")])
async def test_requests_that_nobody_answers(network: Any, ask: Any, delay: float, outcome: str) -> None:
    notes = Notes()
    await ask(network({"path": "", "drop": True}, delay=delay), "reg.example/app:1", observer=notes, seconds=0.1)
    assert {told for _, _, told in notes.requests} == {outcome}


def test_who_listens_to_nothing() -> None:
    observer = NullObserver()
    observer.request("r", "HEAD", "200", 0.1)
    observer.rate_limit("r", 5)
    observer.circuit("r", open=True)
    observer.cache("answers", CacheOutcome.HIT)
