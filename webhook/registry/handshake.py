"""One token from a token service, by whichever way it understands (pure but for the Caller's Wire)."""

from dataclasses import dataclass, replace

from webhook.registry import nodetext
from webhook.registry.answer import Answer, Ask, Headers
from webhook.registry.endpoint import Endpoint
from webhook.registry.exchange import Caller, NoAnswer, Trail, unreached
from webhook.registry.failure import RegistryError, Situation, classify, error_of
from webhook.registry.resolution import Failure, Step
from webhook.registry.token import (
    Grant,
    NoToken,
    Token,
    TokenQuestion,
    ask_for,
    decode,
    first_grant,
    next_grant,
)
from webhook.registry.tokens import Fetched


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenService:
    """The token service that an endpoint named, asked with the login of the caller."""

    caller: Caller
    endpoint: Endpoint
    agent: Headers

    async def fetch(self, wanted: TokenQuestion) -> Fetched:
        """Ask for a token; what goes wrong is in the outcome. The requests are not added to the caller's trail."""
        trail = Trail(self.caller.trail.credential)
        asking = replace(self, caller=replace(self.caller, trail=trail))
        try:
            outcome: Token | RegistryError = await asking._exchange(wanted)
        except RegistryError as error:
            trail.conclude(error.failure)
            outcome = error
        return Fetched(outcome=outcome, attempts=tuple(trail.attempts))

    async def _exchange(self, wanted: TokenQuestion) -> Token:
        login = self.caller.trail.credential
        grant = first_grant(login)
        while True:
            answer = await self._ask(wanted, grant)
            if answer.status < 300:
                return self._decoded(answer, grant)
            following = next_grant(login, grant, answer.status)
            if following is None:
                raise self._refusal(answer, grant)
            grant = following

    async def _ask(self, wanted: TokenQuestion, grant: Grant) -> Answer:
        ask = ask_for(wanted, self.caller.trail.credential, grant)
        ask = replace(ask, headers=self.agent + ask.headers, private=self._operators(ask) + ask.private)
        try:
            return await self.caller.follow(ask, Step.TOKEN, self.endpoint.trust)
        except NoAnswer as none:
            text = nodetext.no_token_answer(ask.method, ask.url, none.cause, grant)
            raise unreached(ask, none, text) from none

    def _operators(self, ask: Ask) -> Headers:
        """Return the operator's headers if the service is the endpoint itself; a login is not theirs to replace."""
        own = ask.url.origin == self.endpoint.origin
        return tuple(header for header in self.endpoint.headers if own and header[0] != "authorization")

    def _refusal(self, answer: Answer, grant: Grant) -> RegistryError:
        login = self.caller.trail.credential
        situation = Situation(step=Step.TOKEN, login=not login.anonymous, now=self.caller.now())
        error = classify(answer, situation)
        error.node_error = nodetext.token_status(answer, grant)
        return error

    def _decoded(self, answer: Answer, grant: Grant) -> Token:
        try:
            return decode(answer, grant)
        except NoToken as error:
            raise self._no_token(answer, grant, error) from error

    def _no_token(self, answer: Answer, grant: Grant, error: NoToken) -> RegistryError:
        failure = Failure.NOT_A_REGISTRY if answer.is_page else Failure.SERVER_ERROR
        message = f"the token service {answer.url.origin} answers {answer.status} without a token"
        return error_of(failure, message, node_error=nodetext.token_undecoded(str(error), grant))
