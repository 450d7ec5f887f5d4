"""Tokens of ServiceAccounts, from a real API server."""

import asyncio
import base64
import json

import pytest

from webhook.cluster.accounttokens import AccountTokens
from webhook.cluster.client import open_cluster
from webhook.credentials.provider import AccountToken


def later(seconds: float = 5.0) -> float:
    return asyncio.get_running_loop().time() + seconds


@pytest.fixture
async def account(cluster, namespace) -> str:
    body = {"metadata": {"name": "puller", "annotations": {"role": "reader"}}}
    await cluster.request("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts", body=body)
    return "puller"


async def test_a_token_is_for_the_account_and_the_audience(cluster, namespace, account) -> None:
    tokens = AccountTokens(cluster)
    found = await tokens.token(namespace, account, "registry.example", deadline=later())
    assert isinstance(found, AccountToken)
    assert (bool(found.uid), found.annotations) == (True, {"role": "reader"})
    part = found.value.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    assert claims["aud"] == ["registry.example"]
    assert claims["sub"] == f"system:serviceaccount:{namespace}:puller"
    assert found.value not in repr(found)
    assert await tokens.token(namespace, account, "registry.example", deadline=later()) is found
    await tokens.close()


async def test_why_there_is_none(cluster, namespace, account, login) -> None:
    tokens = AccountTokens(cluster)
    assert await tokens.token(namespace, "nobody", "a", deadline=later()) == "there is no ServiceAccount 'nobody'"
    assert await tokens.token(namespace, account, "a", deadline=later(-1)) == "the API server gave none in time"
    async with open_cluster(login("someone")) as api:
        found = await AccountTokens(api).token(namespace, account, "a", deadline=later())
        assert isinstance(found, str)
        assert "serviceaccounts/token" in found
