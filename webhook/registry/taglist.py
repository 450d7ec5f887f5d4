"""A repository's tags, page by page (pure but for the Session's Wire).

    GET /v2/NAME/tags/list?n=1000      {"name": "NAME", "tags": ["1", "2"] | null}
    Link: </v2/NAME/tags/list?n=1000&last=2>; rel="next"

Bounded in pages, tags and bytes. A link is followed only within the origin that was asked. What is no tag is left out.

Source: opencontainers/distribution-spec, "Content Discovery"; distribution's docs, "Listing Image Tags".
"""

import re
from collections.abc import Iterable
from itertools import islice
from urllib.parse import parse_qsl

import msgspec

from webhook.registry.answer import Answer
from webhook.registry.failure import error_of
from webhook.registry.resolution import Absent, Failure, Step
from webhook.registry.session import Question, Session

MOST_PAGES = 10
MOST_TAGS = 10_000

_PAGE = "1000"
_MOST_BYTES = 2 * 1024 * 1024
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_LINK = re.compile(r'<([^<>]{1,2000})>\s*;\s*rel="?next"?', re.ASCII)


class _List(msgspec.Struct):
    tags: list[object] | None = None


_DECODER = msgspec.json.Decoder(_List)


async def fetch_tags(session: Session, *, last: bool) -> tuple[str, ...]:
    """Return the tags in the registry's order; raise `RegistryError`."""
    found: dict[str, None] = {}
    query: tuple[tuple[str, str], ...] = (("n", _PAGE),)
    for _ in range(MOST_PAGES):
        answer = await _page(session, query, last=last)
        found.update(dict.fromkeys(_decode(answer)))
        following = _next(answer)
        if following is None or following == query or len(found) >= MOST_TAGS:
            break
        query = following
    return tuple(found)[:MOST_TAGS]


async def _page(session: Session, query: tuple[tuple[str, str], ...], *, last: bool) -> Answer:
    question = Question(
        step=Step.TAGS,
        method="GET",
        parts=("tags", "list"),
        accept="application/json",
        limit=_MOST_BYTES,
        query=query,
        what=Absent.REPOSITORY,
    )
    answer = await session.ask(question, last=last)
    if answer.status >= 300:
        raise session.refusal(answer, question)
    return answer


def _decode(answer: Answer) -> Iterable[str]:
    try:
        tags = _DECODER.decode(answer.body).tags or []
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        failure = Failure.NOT_A_REGISTRY if answer.is_page else Failure.SERVER_ERROR
        message = f"{answer.url.origin} answers with a tag list that is none"
        raise error_of(failure, message) from error
    return islice((tag for tag in tags if isinstance(tag, str) and _TAG.fullmatch(tag)), MOST_TAGS)


def _next(answer: Answer) -> tuple[tuple[str, str], ...] | None:
    """Return the next page's query, None at the end. Only the query is taken: the path is ours to know."""
    link = _LINK.search(answer.header("link")[:4000])
    if link is None:
        return None
    try:
        url = answer.url.join(link[1])
        pairs = parse_qsl(url.query, max_num_fields=20)
    except ValueError:  # no URL, or a query of many parts
        return None
    if url.origin != answer.url.origin or not pairs:
        return None
    return tuple(pair for pair in pairs if pair[0] != "ns")
