import base64
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.credentials.dockerconfig import MalformedConfig
from webhook.credentials.localconfig import LocalLogin, decode_local
from webhook.image.reference import Reference

HUB = "https://index.docker.io/v1/"


def config(**document):
    return decode_local(json.dumps(document).encode())


def auth(text):
    return {"auth": base64.b64encode(text.encode()).decode()}


def found(given_config, image, *, by_path=False):
    login = given_config.login(Reference.parse(image), by_path=by_path)
    return login and (login.username, login.secret)


@pytest.mark.parametrize(
    ("entry", "login"),
    [
        (auth("u:p"), ("u", "p")),
        (auth("u:p:q"), ("u", "p:q")),
        ({"username": "u", "password": "p"}, ("u", "p")),
        ({**auth("u:"), "identitytoken": "t"}, ("", "t")),
        ({"identitytoken": "t"}, ("", "t")),
        (auth("u:p\0\0"), ("u", "p")),
        ({}, None),
        (None, None),
        (auth("u:"), None),
        ({"registrytoken": "t"}, None),
    ],
)
def test_entry(entry, login):
    assert found(config(auths={"quay.io": entry}), "quay.io/app") == login


@pytest.mark.parametrize(
    ("image", "key", "by_docker", "by_podman"),
    [
        ("nginx", HUB, True, True),
        ("nginx", "index.docker.io", True, True),
        ("nginx", "docker.io", True, True),
        ("nginx", "https://index.docker.io/v2/", True, True),
        ("nginx", "docker.io/library", True, True),
        ("nginx", "docker.io/library/nginx", True, True),
        ("nginx", "docker.io/other", True, False),
        ("nginx", "registry-1.docker.io", False, False),
        ("quay.io/org/app", "quay.io", True, True),
        ("quay.io/org/app", "https://quay.io/v2/", True, True),
        ("quay.io/org/app", "http://quay.io", True, True),
        ("quay.io/org/app", "quay.io/org/app", True, True),
        ("quay.io/org/app", "quay.io/org", True, True),
        ("quay.io/org/app", "quay.io/organ", True, False),
        ("quay.io/org/app", "quay.io:443", False, False),
        ("quay.io/org/app", "*.io", False, False),
        ("reg:5000/app", "reg:5000", True, True),
        ("reg:5000/app", "reg", False, False),
    ],
)
def test_keys(image, key, by_docker, by_podman):
    given_config = config(auths={key: auth("u:p")})
    assert (found(given_config, image) is not None) is by_docker
    assert (found(given_config, image, by_path=True) is not None) is by_podman


def test_podman_takes_the_longest_key():
    given_config = config(auths={"quay.io": auth("host:p"), "quay.io/org": auth("org:p")})
    assert found(given_config, "quay.io/org/app", by_path=True) == ("org", "p")
    assert found(given_config, "quay.io/other/app", by_path=True) == ("host", "p")
    assert found(given_config, "quay.io/org/app") == ("host", "p")


@pytest.mark.parametrize(
    ("image", "program"),
    [
        ("gcr.io/p/app", ("gcloud", "gcr.io")),
        ("quay.io/app", ("desktop", "quay.io")),
        ("nginx", ("desktop", HUB)),
    ],
)
def test_programs(image, program):
    given_config = config(credsStore="desktop", credHelpers={"gcr.io": "gcloud"}, auths={"quay.io": {}})
    assert given_config.program(Reference.parse(image)) == program


def test_program_for_docker_hub():
    reference = Reference.parse("nginx")
    assert config(credHelpers={"docker.io": "x"}).program(reference) == ("x", "docker.io")
    assert config(credHelpers={HUB: "x", "docker.io": "y"}).program(reference) == ("x", HUB)
    assert config().program(reference) == ("", "")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"[]", "the document is not an object"),
        (b"{", "not JSON"),
        (b"[" * 5000 + b"]" * 5000, "nested"),
        (b'{"auths": []}', "auths is not an object"),
        (b'{"auths": {"https://u:hunter2@a.io": 5}}', "the entry of 'https://a.io' is not an object"),
        (b'{"auths": {"a.io": {"auth": "hunter2!"}}}', "the entry of 'a.io': illegal base64"),
        (b'{"auths": {"a.io": {"auth": "OnA="}}}', "its auth is no base64 of user:password"),
        (b'{"auths": {"a.io": {"auth": "dXNlcg=="}}}', "its auth is no base64 of user:password"),
        (b'{"auths": {"a.io": {"password": 5}}}', "holds something else than a text"),
        (b'{"credsStore": {}}', "credsStore holds something else"),
        (b'{"credHelpers": {"a.io": 5}}', "credHelpers holds something else"),
    ],
)
def test_malformed(body, message):
    with pytest.raises(MalformedConfig, match=message) as caught:
        decode_local(body)
    assert "hunter2" not in str(caught.value)


def test_other_settings_are_left_alone():
    decode_local(b'{"auths": null, "credsStore": null, "HttpHeaders": 5, "psFormat": "x", "plugins": {"a": {}}}')


def test_no_repr():
    assert "hunter2" not in repr(LocalLogin(username="u", secret="hunter2"))
    assert "hunter2" not in repr(config(auths={"a.io": auth("u:hunter2")}))


documents = st.recursive(
    st.none() | st.integers() | st.text(max_size=4),
    lambda inner: st.dictionaries(st.sampled_from(["auths", "credsStore", "credHelpers", "auth", "a.io"]), inner),
    max_leaves=8,
)


@given(st.one_of(documents.map(lambda document: json.dumps(document).encode()), st.binary(max_size=30)))
def test_only_its_own_error(body):
    with suppress(MalformedConfig):
        decode_local(body).login(Reference.parse("nginx"), by_path=True)
