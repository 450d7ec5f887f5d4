"""The conversation with one endpoint about one repository (pure but for the Caller's Wire).

A question is asked as containerd asks it: first bare, then with what the 401 asks for, and from then on with that. What
a node repeats without hope is asked once: containerd makes up to five requests on a 401 and repeats a 429 at once.

    401             answer the challenge once; with a token that was sent ahead: with a fresh one
    400, 403        with a token that was sent ahead: begin anew (ECR Public answers 400 to an expired one)
    405 on HEAD     the same by GET
    408             once more
    500, 503, 504   once more at the last endpoint
    no answer       once more if the connection broke; over plain http where the endpoint may

A login goes to the endpoint that asked for it, or to the realm that its challenge names, and nowhere else.

Source: containerd core/remotes/docker/resolver.go (doWithRetries, retryRequest, httpFallback), authorizer.go.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from webhook.registry import challenge, nodetext
from webhook.registry.answer import Answer, Ask, Headers
from webhook.registry.challenge import Challenge, Scheme
from webhook.registry.endpoint import Endpoint
from webhook.registry.exchange import Caller, NoAnswer, unreached
from webhook.registry.failure import RegistryError, Situation, classify, error_of
from webhook.registry.handshake import TokenService
from webhook.registry.resolution import Absent, Failure, Step
from webhook.registry.token import RealmRefused, Token, TokenQuestion, basic
from webhook.registry.tokens import Place, TokenStore
from webhook.registry.url import InvalidUrl

_MOST_TRIES = 5
_AGAIN_AT_THE_LAST = (500, 503, 504)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of a repository: `parts` of the path below it. `limit`: bytes of body that a GET may bring."""

    step: Step
    method: str
    parts: tuple[str, ...]
    accept: str
    limit: int
    query: tuple[tuple[str, str], ...] = ()
    what: Absent = Absent.UNKNOWN


@dataclass(slots=True)
class _Authorization:
    """What is sent with each request now. `ahead`: it is from an earlier conversation."""

    value: str
    scheme: Scheme
    ahead: bool = False


class Session:
    """One endpoint, one repository, one login."""

    def __init__(self, caller: Caller, tokens: TokenStore, endpoint: Endpoint, repository: str, agent: Headers) -> None:
        """Begin without having asked anything; `agent` are the headers that every request has."""
        self.endpoint = endpoint
        self._caller = caller
        self._tokens = tokens
        self._repository = repository
        self._agent = agent
        self._login = caller.trail.credential
        self._place = Place(endpoint.base, repository, "" if self._login.anonymous else self._login.id)
        token = tokens.ahead(self._place)
        self._authorization = None if token is None else self._bearer(token, ahead=True)

    async def ask(self, question: Question, *, last: bool) -> Answer:
        """Return the endpoint's answer, whatever its status.

        Raises `RegistryError` when nobody answers, or when the endpoint wants an authorization that cannot be had.
        """
        before = 0
        for _ in range(_MOST_TRIES):
            answer = await self._send(question)
            again = await self._asks_again(question, answer, before, last=last)
            if again is None:
                break
            question, before = again, answer.status
        return answer

    def refusal(self, answer: Answer, question: Question, *, explained_by: Answer | None = None) -> RegistryError:
        """Return which refusal an answer is; `explained_by`: the answer to the same by GET, with a body."""
        speaking = explained_by if explained_by is not None and explained_by.status == answer.status else answer
        error = classify(speaking, self._situation(question, answer))
        shown = explained_by if answer.status == 403 else None  # containerd asks again to show the reason of a 403 only
        error.node_error = nodetext.unexpected_status(answer, explained_by=shown)
        self._caller.trail.conclude(error.failure)
        return error

    async def _asks_again(self, question: Question, answer: Answer, before: int, *, last: bool) -> Question | None:
        """Return what to ask next, None when this answer is the last word."""
        sent_ahead = self._authorization is not None and self._authorization.ahead
        match answer.status:
            case 401 if not answer.redirected and (sent_ahead or self._authorization is None):
                self._begin_anew(sent_ahead)
                return question if await self._authorize(answer, question) else None
            case 401 if not answer.redirected:
                self._refused(answer, question)
                return None
            case 400 | 403 if sent_ahead:
                self._begin_anew(sent_ahead)
                return question
            case 405 if question.method == "HEAD" and question.step is Step.MANIFEST:
                return replace(question, method="GET")
            case 408:
                return None if before == 408 else question
            case status if status in _AGAIN_AT_THE_LAST:
                return question if last and before != status else None
        return None

    def _begin_anew(self, sent_ahead: bool) -> None:
        if sent_ahead:
            self._tokens.forget(self._place)
        self._authorization = None

    def _refused(self, answer: Answer, question: Question) -> None:
        """Raise if the endpoint says why it refuses the token; without a word the plain 401 is what a node shows."""
        asked = _challenge(answer)
        if asked is None or asked.scheme is not Scheme.BEARER or not asked.error:
            return
        raise self._denied(self.refusal(answer, question), nodetext.refused_after_token(asked.error))

    async def _authorize(self, answer: Answer, question: Question) -> bool:
        """Answer the challenge; False if there is none that can be answered."""
        asked = _challenge(answer)
        if asked is None:
            return False
        if asked.scheme is Scheme.BASIC:
            if not self._login.username or not self._login.secret:
                raise self._denied(self.refusal(answer, question), nodetext.NO_BASIC)
            self._authorization = _Authorization(basic(self._login), Scheme.BASIC)
            return True
        if asked.realm is None:
            raise self._denied(self.refusal(answer, question), nodetext.NO_REALM)
        self._authorization = await self._token(asked)
        return True

    async def _token(self, asked: Challenge) -> _Authorization:
        scope = challenge.repository_scope(self._repository)
        try:
            wanted = TokenQuestion.of(asked, scope=scope, plain=self.endpoint.scheme == "http")
        except RealmRefused as error:
            raise error_of(Failure.ADDRESS_REFUSED, str(error)) from error
        service = TokenService(caller=self._caller, endpoint=self.endpoint, agent=self._agent)
        fetched = await self._tokens.get(self._place, wanted, lambda: service.fetch(wanted))
        if fetched is None:
            raise error_of(Failure.OUT_OF_TIME, "shut down while asking for a token")
        self._caller.trail.join(fetched.attempts)
        if isinstance(fetched.outcome, RegistryError):
            raise replace(fetched.outcome)
        return self._bearer(fetched.outcome, ahead=fetched.kept)

    async def _send(self, question: Question) -> Answer:
        """Send the question once, or again where the first try said nothing of the registry."""
        ask = self._ask(question)
        try:
            return await self._call(ask, question.step)
        except NoAnswer as none:
            if self.endpoint.fall_back and _speaks_no_tls(self.endpoint, none):
                self.endpoint = self.endpoint.in_plain_http()
                self._place = self._place._replace(endpoint=self.endpoint.base)
            elif not none.again:
                raise self._unanswered(ask, none) from none
        ask = self._ask(question)
        try:
            return await self._call(ask, question.step)
        except NoAnswer as none:
            raise self._unanswered(ask, none) from none

    async def _call(self, ask: Ask, step: Step) -> Answer:
        endpoint = self.endpoint
        return await self._caller.follow(ask, step, endpoint.trust, connect_timeout=endpoint.connect_timeout)

    def _ask(self, question: Question) -> Ask:
        try:
            url = self.endpoint.url(self._repository, *question.parts, query=question.query)
        except InvalidUrl as error:
            message = f"{self.endpoint.host!r} cannot be connected to: {error}"
            raise error_of(Failure.CONNECT, message) from error
        own = () if self._authorization is None else (("authorization", self._authorization.value),)
        return Ask(
            method=question.method,
            url=url,
            headers=(*self._agent, ("accept", question.accept)),
            private=_merged(self.endpoint.headers, own),
            limit=0 if question.method == "HEAD" else question.limit,
        )

    def _unanswered(self, ask: Ask, none: NoAnswer) -> RegistryError:
        return unreached(ask, none, nodetext.no_answer(ask.method, ask.url, none.cause))

    def _denied(self, error: RegistryError, node_error: str) -> RegistryError:
        error.node_error = node_error
        return error

    def _bearer(self, token: Token, *, ahead: bool = False) -> _Authorization:
        self._caller.trail.hide(token.value)
        return _Authorization(f"Bearer {token.value}", Scheme.BEARER, ahead)

    def _situation(self, question: Question, answer: Answer) -> Situation:
        return Situation(
            step=question.step,
            login=not self._login.anonymous,
            now=self._caller.now(),
            sent=self._authorization is not None,
            challenge=_challenge(answer),
            what=question.what,
        )


def _challenge(answer: Answer) -> Challenge | None:
    return challenge.pick(challenge.parse(answer.values("www-authenticate")))


def _merged(operators: Headers, own: Sequence[tuple[str, str]]) -> Headers:
    """Return both; what the handshake brought goes before an authorization of the operator's."""
    names = {name for name, _ in own}
    return (*(header for header in operators if header[0] not in names), *own)


def _speaks_no_tls(endpoint: Endpoint, none: NoAnswer) -> bool:
    """Tell whether containerd's fallback would take over: plain http found, or nothing there and no port named."""
    if none.failure is Failure.NOT_A_REGISTRY or "TLS handshake timeout" in none.cause:
        return True
    return none.failure in (Failure.CONNECT, Failure.TIMEOUT) and not endpoint.port
