"""A login is bytes: what is no UTF-8 goes out as it came in, and is told to nobody."""

import base64
import json
from typing import Any
from urllib.parse import parse_qs

import pytest

from webhook.credentials.credential import Credential
from webhook.credentials.dockerconfig import decode_secret
from webhook.credentials.keychain import Keychain
from webhook.image.reference import Reference
from webhook.registry.ocierror import clean

IMAGE = "reg.example/team/app:1"
DIGEST = "sha256:" + "a" * 64
FOUND = {
    "path": "/manifests/",
    "status": 200,
    "headers": {
        "docker-content-digest": DIGEST,
        "content-length": "2",
        "content-type": "application/vnd.oci.image.manifest.v1+json",
    },
}
BASIC = {"www-authenticate": 'Basic realm="registry"'}
BEARER = {"www-authenticate": 'Bearer realm="https://auth.example/token",service="reg"'}
LOGINS = [
    pytest.param(b"bob:p\xe4ssw\xf6rd\xff", id="latin-1"),
    pytest.param("bob:pässwörd".encode(), id="UTF-8"),
    pytest.param(b"bob:hunter2\n", id="the line end that echo adds"),
    pytest.param(b"b\xf6b:pa:ss\xed\xa0\x80word\n", id="a user too, a surrogate, a colon, a line end"),
]


def from_secret(login: bytes) -> Credential:
    config = json.dumps({"auths": {"reg.example": {"auth": base64.b64encode(login).decode()}}}).encode()
    secret = decode_secret("regcred", "kubernetes.io/dockerconfigjson", {".dockerconfigjson": config})
    (credential,) = Keychain((secret,)).lookup(Reference.parse(IMAGE))
    return credential


@pytest.mark.parametrize("login", LOGINS)
async def test_by_basic(login: bytes, network: Any, ask: Any) -> None:
    asked = network({"path": "/manifests/", "auth": "none", "status": 401, "headers": BASIC}, FOUND)
    assert (await ask(asked, IMAGE, from_secret(login))).found.digest == DIGEST
    scheme, _, pair = asked.sent[-1].headers["authorization"].partition(" ")
    assert (scheme, base64.b64decode(pair)) == ("Basic", login)


@pytest.mark.parametrize("login", LOGINS)
async def test_by_form_and_then_by_basic(login: bytes, network: Any, ask: Any) -> None:
    asked = network(
        {"path": "/manifests/", "auth": "none", "status": 401, "headers": BEARER},
        {"host": "auth.example", "path": "/token", "method": "POST", "status": 401},
        {"host": "auth.example", "path": "/token", "method": "GET", "status": 200, "body": '{"token":"t0ken"}'},
        FOUND,
    )
    assert (await ask(asked, IMAGE, from_secret(login))).found.digest == DIGEST
    form, basic = asked.to("auth.example")
    user, _, password = login.partition(b":")
    sent = {key: value[0].encode("latin-1") for key, value in parse_qs(form.form, encoding="latin-1").items()}
    assert (sent["username"], sent["password"]) == (user, password)
    assert base64.b64decode(basic.headers["authorization"].removeprefix("Basic ")) == login


@pytest.mark.parametrize("login", LOGINS)
async def test_what_a_registry_repeats_is_not_told(login: bytes, network: Any, ask: Any) -> None:
    _, _, password = login.partition(b":")
    body = b'{"errors":[{"code":"DENIED","message":"no access with ' + password.rstrip() + b'"}]}'
    asked = network(
        {"path": "/manifests/", "auth": "none", "status": 401, "headers": BASIC},
        {"path": "/manifests/", "status": 403, "body": body},
    )
    refusal = (await ask(asked, IMAGE, from_secret(login))).refusal
    told = repr(refusal)
    assert "no access with ***" in told
    for encoding in ("utf-8", "latin-1"):
        said = clean(password.decode(encoding, "replace"))
        assert said not in told
        assert said[:6] not in told
