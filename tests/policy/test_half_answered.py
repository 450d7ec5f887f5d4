"""A look that goes on in plain http on the same port is answered by that."""

from collections.abc import Callable

import pytest

from webhook.policy.certainty import doubts_of
from webhook.policy.evidence import Evidence
from webhook.policy.finding import Code
from webhook.registry.resolution import Attempt, Failure, Step


def attempt(endpoint: str, failure: Failure) -> Attempt:
    return Attempt(endpoint=endpoint, credential="anonymous", step=Step.MANIFEST, method="HEAD", failure=failure)


@pytest.mark.parametrize(
    ("first", "then", "doubted"),
    [
        pytest.param("https://localhost:5000", "http://localhost:5000", False, id="one port, which speaks plain http"),
        pytest.param("https://localhost:5000", "http://localhost:5001", True, id="another port"),
        pytest.param("https://reg.example", "http://reg.example", True, id="443 and 80"),
    ],
)
def test_https_that_was_not_spoken_is_no_doubt(
    evidence: Callable[..., Evidence], first: str, then: str, doubted: bool
) -> None:
    attempts = (attempt(first, Failure.NOT_A_REGISTRY), attempt(then, Failure.NOT_FOUND))
    found = evidence("localhost:5000/a:1", failure=Failure.NOT_FOUND, attempts=attempts)
    doubts = [each for each in doubts_of(found, Code.IMAGE_NOT_FOUND) if "no usable answer" in each]
    assert bool(doubts) is doubted
