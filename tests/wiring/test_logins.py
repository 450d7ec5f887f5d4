"""Logins that stand for the nodes' own: providers are given tokens of ServiceAccounts only where that is configured."""

import asyncio
import json
from pathlib import Path

import pytest

from webhook.credentials.provider import AccountToken
from webhook.image.reference import Reference
from webhook.settings.schema import Credentials, Providers
from webhook.wiring.logins import open_node_logins
from webhook.workload.workload import Workload

API = "credentialprovider.kubelet.k8s.io/v1"
PROGRAM = """#!/usr/bin/env python3
import json, sys
asked = json.load(sys.stdin)
auth = {"username": "by-token", "password": "p" + str(len(asked["serviceAccountToken"]))}
head = {"kind": "CredentialProviderResponse", "apiVersion": "%s", "cacheKeyType": "Image"}
print(json.dumps(head | {"auth": {"*.example": auth}}))
""".replace("%s", API)
POD = Workload(kind="Pod", namespace="shop", name="p", service_account="puller")


class Tokens:
    async def token(self, namespace: str, account: str, audience: str, *, deadline: float) -> AccountToken | str:
        return AccountToken(value=f"{namespace}/{account}/{audience}", uid="u")


@pytest.fixture
def providers(tmp_path: Path) -> dict[str, str]:
    attributes = {
        "serviceAccountTokenAudience": "registry.example",
        "requireServiceAccount": True,
        "cacheType": "ServiceAccount",
    }
    provider = {
        "name": "by-token",
        "matchImages": ["*.example"],
        "defaultCacheDuration": "1m",
        "apiVersion": API,
        "tokenAttributes": attributes,
    }
    config = {"kind": "CredentialProviderConfig", "apiVersion": "kubelet.config.k8s.io/v1", "providers": [provider]}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "by-token").write_text(PROGRAM)
    (tmp_path / "by-token").chmod(0o755)
    return {"config_file": str(tmp_path / "config.json"), "bin_dir": str(tmp_path)}


@pytest.mark.parametrize("wanted", [True, False])
async def test_tokens_are_got_where_that_is_configured(providers: dict[str, str], wanted: bool) -> None:
    settings = Credentials(providers=Providers(**providers, account_tokens=wanted))
    clock = asyncio.get_running_loop().time
    async with open_node_logins(settings, {"PATH": "/usr/bin:/bin"}, clock=clock, tokens=Tokens()) as logins:
        reference = Reference.parse("reg.example/team/app:1")
        found, failed = await logins.lookup(reference, POD, (), deadline=clock() + 30)
    assert [(each.username, each.secret) for each in found] == [("by-token", "p28")] * wanted
    assert failed == (
        "" if wanted else "provider 'by-token': wants a ServiceAccount token; see credentials.providers.accountTokens"
    )
