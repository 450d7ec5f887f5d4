"""What is written down of a request."""

import pytest

from webhook.credentials.credential import ANONYMOUS
from webhook.registry.answer import Answer, Ask
from webhook.registry.exchange import Trail
from webhook.registry.resolution import Step
from webhook.registry.url import Url

PAGE = (("content-type", "text/html; charset=utf-8"),)
JSON = (("content-type", "application/json"),)
ASKING = (("www-authenticate", 'Bearer realm="https://auth.test/token"'),)


@pytest.mark.parametrize(
    ("step", "status", "headers", "challenged"),
    [
        (Step.MANIFEST, 401, PAGE, False),
        (Step.MANIFEST, 401, JSON, False),
        (Step.MANIFEST, 401, PAGE + ASKING, True),
        (Step.MANIFEST, 403, PAGE, True),
        (Step.TOKEN, 401, PAGE, False),
        (Step.TOKEN, 401, JSON, True),
    ],
)
def test_a_401_that_asks_for_nothing_is_marked(step: Step, status: int, headers, challenged: bool) -> None:
    url = Url.parse("https://reg.test/v2/a/manifests/1")
    trail = Trail(ANONYMOUS)
    trail.note(Ask(method="HEAD", url=url), step, answer=Answer(method="HEAD", url=url, status=status, headers=headers))
    assert [each.challenged for each in trail.attempts] == [challenged]


def test_no_answer_asks_for_nothing_wrong() -> None:
    trail = Trail(ANONYMOUS)
    trail.note(Ask(method="HEAD", url=Url.parse("https://reg.test/v2/")), Step.MANIFEST)
    assert trail.attempts[0].challenged
