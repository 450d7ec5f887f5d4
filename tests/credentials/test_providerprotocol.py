import json
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from webhook.credentials.credential import Origin
from webhook.credentials.providerconfig import API_VERSIONS, Provider
from webhook.credentials.providerprotocol import CacheKeyType, InvalidResponse, decode_response, encode_request

PROVIDER = Provider(name="ecr", match_images=("*.io",), default_cache_duration=60, api_version=API_VERSIONS[0])
HEAD = {"kind": "CredentialProviderResponse", "apiVersion": API_VERSIONS[0], "cacheKeyType": "Registry"}


def decode(**changes):
    return decode_response(json.dumps({**HEAD, **changes}).encode(), PROVIDER)


def test_request():
    assert json.loads(encode_request(PROVIDER, "quay.io/org/app")) == {
        "kind": "CredentialProviderRequest",
        "apiVersion": "credentialprovider.kubelet.k8s.io/v1",
        "image": "quay.io/org/app",
    }


def test_request_with_token():
    request = json.loads(encode_request(PROVIDER, "quay.io/a", token="t", annotations={"role": "x"}))
    assert request["serviceAccountToken"] == "t"
    assert request["serviceAccountAnnotations"] == {"role": "x"}


def test_response():
    response = decode(cacheDuration="6h", auth={"*.quay.io/v1/": {"username": "AWS", "password": "pw"}})
    assert (response.cache_key_type, response.cache_duration) == (CacheKeyType.REGISTRY, 21600)
    (entry,) = response.entries
    assert (entry.host, entry.key) == ("*.quay.io/v1/", "*.quay.io")
    assert (entry.credential.username, entry.credential.secret) == ("AWS", "pw")
    assert (entry.credential.source, entry.credential.origin) == ('provider "ecr"', Origin.PROVIDER)


@pytest.mark.parametrize("auth", [None, {}])
def test_no_login_is_an_answer(auth):
    response = decode(auth=auth, cacheDuration=None)
    assert (response.entries, response.cache_duration) == ((), None)


@pytest.mark.parametrize("pair", [None, {}, {"username": None, "password": "p"}, {"password": "p"}])
def test_password_without_user_is_no_login(pair):
    (entry,) = decode(auth={"quay.io": pair}).entries
    assert entry.credential.anonymous


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"apiVersion": API_VERSIONS[1]}, "no CredentialProviderResponse of credentialprovider.kubelet.k8s.io/v1"),
        ({"kind": "Secret"}, "no CredentialProviderResponse"),
        ({"cacheKeyType": "Pod"}, "no CredentialProviderResponse"),
        ({"cacheKeyType": None}, "no CredentialProviderResponse"),
        ({"cacheDuration": "soon"}, "no valid cacheDuration"),
        ({"cacheDuration": 5}, "no CredentialProviderResponse"),
        ({"auth": {"quay.io": {"username": "u", "token": "hunter2"}}}, "no CredentialProviderResponse"),
        ({"auth": {"quay.io": "hunter2"}}, "no CredentialProviderResponse"),
        ({"extra": "hunter2"}, "no CredentialProviderResponse"),
    ],
)
def test_no_response(changes, message):
    with pytest.raises(InvalidResponse, match=message) as caught:
        decode(**changes)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


@given(st.binary(max_size=40))
@example(b"[" * 100_000)
@example(b'{"kind":' * 50_000)
def test_only_its_own_error(body):
    with suppress(InvalidResponse):
        decode_response(body, PROVIDER)
