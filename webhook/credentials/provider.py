"""Credential providers: the programs that nodes ask for logins, asked the same way (I/O).

One program per image at a time, whatever the number of pods that wait for it; a waiter's deadline ends its waiting, not
the program. An answer is kept as long as it says, for the image, the registry or all (`cacheKeyType`); a failure for
seconds. As in the kubelet, a provider that fails brings no logins and the others still count; unlike there, the reason
is handed on. Source: kubernetes pkg/credentialprovider/plugin/plugin.go (1.37).

A provider may want a token of the pod's ServiceAccount. On a node that token is bound to the pod; before admission
there is no pod, so what a `TokenSource` brings is bound to the account alone. Without one it cannot be asked.
"""

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Protocol

from webhook.credentials.credential import Credential
from webhook.credentials.kept import Kept
from webhook.credentials.keychain import Keychain, url_match
from webhook.credentials.program import ProgramFailed, run
from webhook.credentials.providerconfig import (
    InvalidProviderConfig,
    Provider,
    TokenAttributes,
    TokenCacheType,
    check_providers,
    decode_providers,
)
from webhook.credentials.providerprotocol import CacheKeyType, InvalidResponse, decode_response, encode_request
from webhook.credentials.pullsecret import Entry, PullSecret, SecretState
from webhook.image.reference import Reference

ASK_SECONDS: Final = 60.0
"""How long the kubelet lets a provider run."""
FAILURE_SECONDS: Final = 5.0
_AT_ONCE: Final = 8
"""Programs of one provider that run at once. Whoever makes pods chooses for how many registries each is asked."""
_WAIT_SECONDS: Final = 5.0
_SUFFIXES: Final = frozenset({".json", ".yaml", ".yml"})


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class AccountToken:
    """A ServiceAccount's token for one audience, with the account's uid and annotations. It is a secret: no repr."""

    value: str
    uid: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)


class TokenSource(Protocol):
    """Gets tokens of ServiceAccounts."""

    async def token(self, namespace: str, account: str, audience: str, *, deadline: float) -> AccountToken | str:
        """Return a token for `audience`, or in a few words why there is none; never raises."""
        ...


@dataclass(frozen=True, slots=True)
class _Answer:
    """What one provider brought: entries, or why it failed."""

    entries: tuple[Entry, ...] = ()
    failure: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class _Question:
    """What one provider is asked, with whose token. `account_key` tells apart what must not share an answer."""

    provider: Provider
    image: str
    token: str = ""
    annotations: tuple[tuple[str, str], ...] = ()
    account_key: tuple[object, ...] = ()


def load_providers(path: Path, bin_dir: Path) -> tuple[Provider, ...]:
    """Load a configuration file, or all of a folder; raise `InvalidProviderConfig`, with what is to be done."""
    providers: tuple[Provider, ...] = ()
    for file in _config_files(path):
        try:
            providers += decode_providers(file.read_bytes())
        except (OSError, InvalidProviderConfig) as error:
            raise InvalidProviderConfig(f"{file}: {_why(error)}") from error
    try:
        check_providers(providers)
    except InvalidProviderConfig as error:
        raise InvalidProviderConfig(f"{path}: {error}") from error
    for provider in providers:
        program = bin_dir / provider.name
        if not (program.is_file() and os.access(program, os.X_OK)):
            raise InvalidProviderConfig(f"{path}: no program {provider.name!r} in {bin_dir}; put it there, executable")
    return providers


class CredentialProviders:
    """Asks the configured providers; share one, and `close` it in the end."""

    def __init__(
        self,
        providers: tuple[Provider, ...],
        bin_dir: Path,
        environment: Mapping[str, str],
        *,
        clock: Callable[[], float],
        tokens: TokenSource | None = None,
        seconds: float = ASK_SECONDS,
    ) -> None:
        """`environment`: the server's own, which providers get too. `clock`: seconds, for what is kept."""
        self._providers = providers
        self._bin_dir = bin_dir
        self._environment = dict(environment)
        self._tokens = tokens
        self._seconds = seconds
        self._kept = Kept[_Answer](clock)
        self._flights: dict[tuple[object, ...], asyncio.Task[_Answer]] = {}
        self._places = {provider.name: asyncio.Semaphore(_AT_ONCE) for provider in providers}

    async def lookup(
        self, reference: Reference, *, deadline: float, namespace: str = "", account: str = ""
    ) -> tuple[tuple[Credential, ...], str]:
        """Return the logins that providers bring for an image, in the kubelet's order, and why one brought none."""
        asked = [
            provider
            for provider in self._providers
            if any(url_match(pattern, reference.name) for pattern in provider.match_images)
        ]
        if not asked:
            return (), ""
        answers = await asyncio.gather(
            *(self._ask(provider, reference.name, namespace, account, deadline) for provider in asked)
        )
        secrets = [
            PullSecret(name=provider.name, state=SecretState.USABLE, entries=answer.entries)
            for provider, answer in zip(asked, answers, strict=True)
        ]
        failures = "; ".join(answer.failure for answer in answers if answer.failure)
        return Keychain(secrets).lookup(reference), failures

    async def close(self) -> None:
        """End the programs that still run."""
        flights = tuple(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    async def _ask(self, provider: Provider, image: str, namespace: str, account: str, deadline: float) -> _Answer:
        question = _Question(provider, image)
        if provider.token is not None:
            with_token = await self._with_token(question, provider.token, namespace, account, deadline)
            if isinstance(with_token, _Answer):
                return with_token
            question = with_token
        return self._known(question) or await self._flight(question, deadline)

    async def _with_token(
        self, question: _Question, wanted: TokenAttributes, namespace: str, account: str, deadline: float
    ) -> _Question | _Answer:
        """Add the account's token, or say why the provider is not asked."""
        if not account:
            return _Answer() if wanted.required else question
        if self._tokens is None:
            return _failed(
                question.provider,
                "wants a ServiceAccount token; see credentials.providers.accountTokens",
            )
        token = await self._tokens.token(namespace, account, wanted.audience, deadline=deadline)
        if isinstance(token, str):
            return _failed(question.provider, f"wants a ServiceAccount token: {token}")
        if any(key not in token.annotations for key in wanted.required_annotations):
            return _Answer()  # the account has not opted in: the kubelet does not ask either
        keys = (*wanted.required_annotations, *wanted.optional_annotations)
        annotations = tuple(sorted((key, token.annotations[key]) for key in keys if key in token.annotations))
        account_key: tuple[object, ...] = (namespace, account, token.uid, annotations)
        if wanted.cache_type is TokenCacheType.TOKEN:
            account_key += (token.value,)
        return replace(question, token=token.value, annotations=annotations, account_key=account_key)

    async def _flight(self, question: _Question, deadline: float) -> _Answer:
        """Wait for the one program that answers this question."""
        key = (question.provider.name, question.image, question.token, question.annotations)
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = asyncio.create_task(self._run_in_turn(question))
            flight.add_done_callback(lambda _: self._flights.pop(key, None))
        left = deadline - asyncio.get_running_loop().time()
        done, _ = await asyncio.wait({flight}, timeout=max(left, 0))
        if not done or flight.cancelled():
            return _failed(question.provider, "gave no answer in time")
        return flight.result()

    async def _run_in_turn(self, question: _Question) -> _Answer:
        places = self._places[question.provider.name]
        try:
            async with asyncio.timeout(_WAIT_SECONDS):
                await places.acquire()
        except TimeoutError:
            return _failed(question.provider, "was not asked: it is busy with others")
        try:
            return self._known(question) or await self._run(question)  # who waited may find it brought
        finally:
            places.release()

    async def _run(self, question: _Question) -> _Answer:
        provider = question.provider
        try:
            answer = await run(
                (str(self._bin_dir / provider.name), *provider.args),
                given=encode_request(
                    provider, question.image, token=question.token, annotations=dict(question.annotations)
                ),
                environment={**self._environment, **dict(provider.environment)},
                seconds=self._seconds,
            )
            if answer.status != 0:
                return self._keep_failure(question, f"ended with status {answer.status}; run it by hand to see why")
            response = decode_response(answer.output, provider)
        except (ProgramFailed, InvalidResponse) as error:
            return self._keep_failure(question, str(error))
        if self._echoes_token(question, response.entries):
            return self._keep_failure(question, "gave the token back as a password, which needs cacheType Token")
        seconds = provider.default_cache_duration if response.cache_duration is None else response.cache_duration
        brought = _Answer(response.entries)
        self._kept.put(_key(question, response.cache_key_type), brought, seconds=seconds)
        return brought

    @staticmethod
    def _echoes_token(question: _Question, entries: tuple[Entry, ...]) -> bool:
        wanted = question.provider.token
        return (
            bool(question.token)
            and wanted is not None
            and wanted.cache_type is not TokenCacheType.TOKEN
            and any(entry.credential.secret == question.token for entry in entries)
        )

    def _known(self, question: _Question) -> _Answer | None:
        """Return what is kept for the image, its registry or all, and still holds."""
        kept = (self._kept.get(_key(question, kind)) for kind in CacheKeyType)
        return next((answer for answer in kept if answer is not None), None)

    def _keep_failure(self, question: _Question, why: str) -> _Answer:
        answer = _failed(question.provider, why)
        self._kept.put(_key(question, CacheKeyType.IMAGE), answer, seconds=FAILURE_SECONDS)
        return answer


def _key(question: _Question, kind: CacheKeyType) -> tuple[object, ...]:
    match kind:
        case CacheKeyType.IMAGE:
            what = question.image
        case CacheKeyType.REGISTRY:
            what = question.image.partition("/")[0]
        case CacheKeyType.GLOBAL:
            what = "<global>"
    return question.provider.name, what, question.account_key


def _failed(provider: Provider, why: str) -> _Answer:
    return _Answer(failure=f"provider {provider.name!r}: {why}")


def _config_files(path: Path) -> list[Path]:
    try:
        if not path.is_dir():
            return [path]
        files = sorted(file for file in path.iterdir() if file.suffix in _SUFFIXES and file.is_file())
    except OSError as error:
        raise InvalidProviderConfig(f"{path}: {_why(error)}") from error
    if not files:
        raise InvalidProviderConfig(f"{path}: no .yaml, .yml or .json file in this folder")
    return files


def _why(error: Exception) -> str:
    return error.strerror.lower() if isinstance(error, OSError) and error.strerror else str(error)
