"""What a registry says of its limits, read from headers (pure).

    ratelimit-limit: 100;w=21600        Docker Hub: pulls in a window of seconds, on HEAD and GET alike
    ratelimit-remaining: 95;w=21600
    retry-after: 30                     seconds, a date (RFC 9110), or on Docker Hub the moment as a Unix time
    x-retry-after, x-ratelimit-reset    Docker Hub, GitHub, GitLab: a Unix time
    ratelimit-reset                     the IETF draft: seconds; GitLab: a Unix time

Source: docs.docker.com/docker-hub/usage/pulls, docker/hub-feedback 2459, draft-ietf-httpapi-ratelimit-headers.
"""

import re
from datetime import UTC
from email.utils import parsedate_to_datetime

from webhook.registry.answer import Answer
from webhook.registry.resolution import Quota

_WINDOWED = re.compile(r"([0-9]{1,9})\s*;\s*w=([0-9]{1,9})", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,9})?", re.ASCII)
_MOMENTS = ("retry-after", "x-retry-after", "ratelimit-reset", "x-ratelimit-reset")
_A_UNIX_TIME = 1_000_000_000.0
_LONGEST = 86_400.0


def parse_quota(answer: Answer) -> Quota | None:
    """Return how many pulls are left, None where the registry does not count them.

    Only the form with a window is a count of pulls; without it (GitLab, proxies) the same headers count requests.
    """
    limit = _WINDOWED.match(answer.header("ratelimit-limit").strip())
    left = _WINDOWED.match(answer.header("ratelimit-remaining").strip())
    if limit is None or left is None:
        return None
    return Quota(limit=int(limit[1]), remaining=int(left[1]), window=int(left[2]))


def parse_retry_after(answer: Answer, *, now: float) -> float | None:
    """Return the seconds until asking makes sense again, at most a day; `now` is Unix time."""
    waits = (_seconds(answer.header(name).strip(), now) for name in _MOMENTS)
    return next((min(max(wait, 0.0), _LONGEST) for wait in waits if wait is not None), None)


def _seconds(text: str, now: float) -> float | None:
    if _NUMBER.fullmatch(text):
        number = float(text)
        return number - now if number >= _A_UNIX_TIME else number
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now
