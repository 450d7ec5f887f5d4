"""Tokens that are kept: a bounded number, and long ones count as several."""

import asyncio

import pytest

from webhook.registry.token import Token, TokenQuestion, check_realm
from webhook.registry.tokens import Fetched, Place, TokenStore


@pytest.mark.parametrize(("length", "kept"), [(2_000, 100), (60_000, 12)])
def test_their_number_is_bounded_by_their_length(virtual, length: int, kept: int) -> None:
    async def main() -> None:
        question = TokenQuestion(realm=check_realm("https://auth.test/token", plain=False), service="s", scopes=())
        store = TokenStore(asyncio.get_running_loop().time, most=100)
        places = [Place("https://reg.test", f"r{number}", "") for number in range(300)]
        for place in places:

            async def fetch() -> Fetched:
                return Fetched(outcome=Token(value="t" * length, lifetime=300.0))

            await store.get(place, question, fetch)
        assert sum(store.ahead(place) is not None for place in places) == kept
        await store.aclose()

    virtual(main())
