import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.credentials.credential import Origin
from webhook.credentials.dockerconfig import decode_config, decode_secret
from webhook.credentials.pullsecret import SecretState

JSON, CFG = "kubernetes.io/dockerconfigjson", "kubernetes.io/dockercfg"
MIB = 1 << 20


def auth(text):
    return base64.b64encode(text.encode()).decode()


def decoded(body, bare=False):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return decode_config("regcred", body, bare=bare, source='secret "regcred"')


def logins(secret):
    return {entry.host: (entry.credential.username, entry.credential.secret) for entry in secret.entries}


@pytest.mark.vectors("keyring", "entry")
def test_entry(case):
    secret = decoded(b'{"quay.io": ' + case["entry_json"].encode() + b"}", bare=True)
    if not case["valid"]:
        assert secret.state is SecretState.MALFORMED
        assert case.get("error", "") in secret.reason
    else:
        assert secret.state is SecretState.USABLE
        assert logins(secret) == {"quay.io": (case["username"], case["password"])}


@pytest.mark.vectors("go", "docker_configs")
def test_as_go_answers(case):
    secret = decoded(base64.b64decode(case["raw"]), case["bare"])
    if "error" in case:
        assert secret.state is SecretState.MALFORMED
        return
    assert secret.state is SecretState.USABLE
    expected = {}
    for host, (username, password) in case["logins"].items():
        name = base64.b64decode(username).decode("utf-8", "surrogateescape")
        word = base64.b64decode(password).decode("utf-8", "surrogateescape")
        expected[host] = (name, word if name else "")
    assert logins(secret) == expected


def test_entry_is_filed_and_named():
    secret = decoded({"auths": {"https://bob:x@Quay.io/v2/": {"auth": auth("user:pw")}}})
    (entry,) = secret.entries
    assert (entry.host, entry.key) == ("https://Quay.io/v2/", "Quay.io")
    assert (entry.credential.source, entry.credential.origin) == ('secret "regcred"', Origin.POD)
    assert (secret.state, secret.reason) == (SecretState.USABLE, "")


def test_key_that_is_no_url_is_kept_without_a_key():
    (entry,) = decoded({"auths": {"quay.io:abc": {"auth": auth("u:p")}}}).entries
    assert (entry.host, entry.key) == ("quay.io:abc", "")


@pytest.mark.parametrize(
    ("secret_type", "data", "reason"),
    [
        ("Opaque", {".dockerconfigjson": b"not json"}, "its type is 'Opaque'"),
        ("", {".dockerconfigjson": b"{}"}, "its type is ''"),
        (JSON, {}, "it has no key '.dockerconfigjson'"),
        (JSON, {".dockercfg": b"{}"}, "it has no key '.dockerconfigjson'"),
        (CFG, {".dockerconfigjson": b"{}"}, "it has no key '.dockercfg'"),
        (JSON, {".dockerconfigjson": b""}, "its key '.dockerconfigjson' is empty"),
    ],
)
def test_what_the_kubelet_skips_without_a_word(secret_type, data, reason):
    secret = decode_secret("regcred", secret_type, data)
    assert (secret.state, secret.entries) == (SecretState.IGNORED, ())
    assert secret.reason.startswith(reason)


@pytest.mark.parametrize(
    ("document", "bare", "lack"),
    [
        ({}, False, 'it holds no login under "auths"'),
        ({"auths": {}}, False, 'it holds no login under "auths"'),
        (None, False, 'it holds no login under "auths"'),
        ({"quay.io": {"auth": auth("u:p")}}, False, 'it holds no login under "auths"'),
        ({}, True, "it holds no login"),
        ({"auths": {"quay.io": {"auth": auth("u:p")}}}, True, 'its hosts stand under "auths"'),
        ({"auths": {"a.io": {"identitytoken": "t"}}}, False, "it holds only an identitytoken, which nodes ignore"),
        ({"auths": {"a.io": {"auth": auth("u:"), "identitytoken": "t"}}}, False, "it holds only an identitytoken"),
        ({"auths": {"a.io": {"registrytoken": "t"}}}, False, "it holds only an registrytoken"),
        ({"auths": {"a.io": {}}}, False, "its logins lack user or password"),
        ({"auths": {"a.io": {"auth": auth(":token")}}}, False, "its logins lack user or password"),
        ({"auths": {"a.io": {}, "b.io": {"auth": auth("u:p")}}}, False, ""),
    ],
)
def test_usable_but_lacking(document, bare, lack):
    secret = decoded(document, bare)
    assert secret.state is SecretState.USABLE
    assert secret.reason.startswith(lack)
    assert bool(secret.reason) is bool(lack)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"[]", "the document is a list, not an object"),
        (b'"x"', "the document is a text, not an object"),
        (b"5", "the document is a number, not an object"),
        (b"true", "the document is true or false, not an object"),
        (b'{"auths":[]}', '"auths" is a list, not an object'),
        (b'{"auths":{"a.io":[]}}', "the entry of 'a.io' is a list, not an object"),
        (b'{"auths":{"a.io":{"email":{}}}}', "the entry of 'a.io': email is an object, not a text"),
        (b'{"auths":{"a.io":{"auth":"dXNlcg=="}}}', "the entry of 'a.io': unable to parse auth field"),
        (b'{"auths":{},"HttpHeaders":{"X":1}}', "a value of HttpHeaders is a number, not a text"),
        (b'{"httpHEADERS":"x"}', "HttpHeaders is a text, not an object"),
        (b'{"auths":{}', "not JSON"),
        (b'{"auths":{}} x', "not JSON"),
    ],
)
def test_malformed(body, reason):
    secret = decoded(body)
    assert secret.state is SecretState.MALFORMED
    assert secret.reason.startswith(reason)
    assert secret.entries == ()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"auths":{"a":{"username":"u"}},"AUTHS":{"b":{"username":"v"}}}', {"a": ("u", ""), "b": ("v", "")}),
        (b'{"auths":{"a":{"username":"u"}},"auths":null}', {}),
        (b'{"auths":{"a":{"username":"u"},"a":{"email":"e"}}}', {"a": ("", "")}),
        (b'{"auths":{"a":{"username":"u","Username":null,"USERNAME":"v"}}}', {"a": ("v", "")}),
        (b'{"auths":{"a":{"username":"u","password":"p","auth":""}}}', {"a": ("u", "p")}),
        (b'{"auths":{"a":{"username":"u","pa\xc5\xbf\xc5\xbfword":"p"}}}', {"a": ("u", "p")}),
        (b'{"auths":{"a":{"username":"u","password":"\xff"}}}', {"a": ("u", "\ufffd")}),
        (b'{"auths":{"a":{}},"HttpHeaders":{"X":null,"Y":"z"},"credsStore":5}', {"a": ("", "")}),
        (b'{"auths":{"a":{"auth":"dTr/"}}}', {"a": ("u", "\udcff")}),
    ],
)
def test_go_semantics(body, expected):
    secret = decoded(body)
    assert secret.state is SecretState.USABLE
    assert logins(secret) == expected


def test_reasons_hold_no_secret():
    for body in [
        b'{"auths":{"https://bob:hunter2@a.io":{"password":"hunter2","username":5}}}',
        b'{"auths":{"a.io":{"auth":"hunter2hunter2!"}}}',
        b'{"auths":{"a.io":{"password":"hunter2"}',
    ]:
        secret = decoded(body)
        assert secret.state is SecretState.MALFORMED
        assert "hunter2" not in secret.reason


def test_repr_holds_no_secret():
    assert "hunter2" not in repr(decoded({"auths": {"a.io": {"username": "u", "password": "hunter2"}}}))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (json.dumps({"auths": {f"h{number}.io": {} for number in range(2001)}}).encode(), "more than 2000 hosts"),
        (b"[" + b"{}," * 5_000 + b"{}]", "more than 5000 objects"),
        (b'{"x":' + b"[" * 5_000 + b"]" * 5_000 + b"}", "nested 5001 levels deep"),
    ],
)
def test_beyond_our_bounds_is_unreadable_not_malformed(body, reason):
    secret = decoded(body)
    assert secret.state is SecretState.UNREADABLE
    assert reason in secret.reason


words = st.sampled_from(["auths", "AUTHS", "HttpHeaders", "username", "password", "auth", "email", "a.io", "[", "%zz"])
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4) | st.just(auth("u:p")) | words,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(words, inner, max_size=3),
    max_leaves=10,
)


@given(st.one_of(documents.map(lambda document: json.dumps(document).encode()), st.binary(max_size=30)), st.booleans())
def test_always_a_pull_secret(body, bare):
    assert decoded(body, bare).state in SecretState


@given(st.text(max_size=10), st.dictionaries(st.text(max_size=20), st.binary(max_size=20), max_size=2))
def test_always_a_pull_secret_of_any_type(secret_type, data):
    assert decode_secret("regcred", secret_type, data).state in SecretState


def test_hostile_secrets_are_read_in_linear_time():
    hostile = [
        b'{"auths":{"a":{' + b'"username":"u",' * (MIB // 15) + b'"x":1}}}',
        b"{" + b'"auths":{"a":{},"b":{}},' * 6_000 + b'"x":1}',
        b'{"auths":{"a":{"auth":"' + b"A" * MIB + b'"}}}',
        b'{"auths":{"a":{"auth":"' + b"\\n" * (MIB // 2) + b'="}}}',
        b'{"auths":{"' + b"@" * MIB + b'":{}}}',
        b'{"auths":{"' + b"%41" * (MIB // 3) + b'":{}}}',
        b'{"HttpHeaders":{' + b'"a":"",' * (MIB // 7) + b'"a":""}}',
        b"[" * MIB,
    ]
    for body in hostile:
        assert decoded(body).name == "regcred"
