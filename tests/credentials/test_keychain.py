import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.credentials.credential import Credential
from webhook.credentials.dockerconfig import decode_secret
from webhook.credentials.keychain import Keychain, url_match
from webhook.credentials.pullsecret import Entry, PullSecret, SecretState
from webhook.image.reference import InvalidReference, Reference

JSON = "kubernetes.io/dockerconfigjson"


def secret(name, *hosts):
    auths = {host: {"username": f"{name}-{host}", "password": "pw"} for host in hosts}
    return decode_secret(name, JSON, {".dockerconfigjson": json.dumps({"auths": auths}).encode()})


def users(keychain, image):
    return [credential.username for credential in keychain.lookup(Reference.parse(image))]


@pytest.mark.vectors("keyring", "lookup")
def test_lookup(case):
    secrets = [
        decode_secret(str(place), given["type"], {key: text.encode() for key, text in given["data"].items()})
        for place, given in enumerate(case["secrets"])
    ]
    if "error_kind" in case:
        (malformed,) = [given for given in secrets if given.state is SecretState.MALFORMED]
        assert ("not JSON" in malformed.reason) is (case["error_kind"] == "json-syntax")
        if case["error_kind"].startswith("auth"):
            assert case["error"] in malformed.reason
        return
    assert not [given for given in secrets if given.state is SecretState.MALFORMED]
    # Node logins come after and are looked up by others; a password without a user is none for containerd.
    expected = [
        (match["username"], match["password"] if match["username"] else "", f'secret "{match["secret"]}"')
        for match in case["matches"]
        if match["secret"] != "node"
    ]
    found = [(given.username, given.secret, given.source) for given in Keychain(secrets).lookup_name(case["lookup"])]
    if case.get("unordered"):
        expected, found = sorted(expected), sorted(found)
    assert found == expected


@pytest.mark.vectors("keyring", "lookup")
def test_keys_are_filed_as_in_the_kubelet(case):
    if "error_kind" in case:
        return
    entries = [
        entry
        for given in case["secrets"]
        for entry in decode_secret(
            "x", given["type"], {key: text.encode() for key, text in given["data"].items()}
        ).entries
    ]
    assert sorted({entry.key for entry in entries if entry.key}, reverse=True) == [key for key in case["index"] if key]


@pytest.mark.vectors("keyring", "lookup")
def test_image_is_looked_up_by_its_name(case):
    if "image" in case:
        assert Reference.parse(case["image"]).name == case["lookup"]


@pytest.mark.vectors("keyring", "pull_sequence")
def test_one_pull_for_each_login_or_one_without(case):
    keychain = Keychain([secret(name, "quay.io") for name in case["matches"]])
    candidates = [given.source for given in keychain.lookup(Reference.parse("quay.io/x"))] or [None]
    tried = candidates[: case["pulls"]]
    assert len(tried) == case["pulls"]
    if case["ok"]:
        assert tried[-1] == (f'secret "{case["used"]}"' if case["used"] else None)
    else:
        assert tried == candidates


def test_order_is_by_key_then_by_secret():
    keychain = Keychain([secret("a", "quay.io", "*.io"), secret("b", "quay.io/org", "quay.io", "*uay.io")])
    assert users(keychain, "quay.io/org/app") == ["b-quay.io/org", "a-quay.io", "b-quay.io", "b-*uay.io", "a-*.io"]


def test_docker_hub_is_the_last_resort():
    assert users(Keychain([secret("a", "https://index.docker.io/v1/")]), "nginx") == ["a-https://index.docker.io/v1/"]
    assert users(Keychain([secret("a", "index.docker.io", "*.io")]), "nginx") == ["a-*.io"]
    assert users(Keychain([secret("a", "registry-1.docker.io", "index.docker.io/v1")]), "nginx") == []


def test_only_usable_secrets_count():
    bad = PullSecret(name="bad", state=SecretState.MALFORMED, entries=secret("x", "quay.io").entries)
    assert Keychain([bad]).lookup(Reference.parse("quay.io/x")) == ()
    assert not Keychain([bad])
    assert Keychain([secret("x", "quay.io")])


def test_hosts_for_messages():
    keychain = Keychain([secret("a", "https://u:p@quay.io/v2/", "b.io"), secret("b", "b.io")])
    assert keychain.hosts == ("https://quay.io/v2/", "b.io")


@pytest.mark.parametrize(
    ("image", "host", "fits", "reason"),
    [
        ("quay.io/org/app", "quay.io", True, "it fits"),
        ("quay.io/org/app", "gcr.io", False, "its host is another"),
        ("quay.io/org/app", "a.quay.io", False, "its host is another"),
        ("quay.io/org/app", "gcr.io:5000", False, "its host is another"),
        ("a.b.io/org/app", "*.io", False, "a * stands for one part of a name, and its host has 2 parts, the image's 3"),
        ("quay.io/org/app", "quay.io:443", False, "its port is 443, the image's not given"),
        ("quay.io:5000/app", "quay.io", False, "its port is not given, the image's 5000"),
        ("quay.io/org/app", "quay.io/other", False, "its path '/other' does not begin the image's"),
        ("quay.io/org/app", "quay io", False, "it is no host name that nodes can read"),
        ("[::::]/app", "quay.io", False, "the image's registry is no host name that nodes can look up"),
        ("nginx", "https://index.docker.io/v1/", True, "nothing else fits an image on Docker Hub"),
        ("nginx", "registry-1.docker.io", False, "nodes never look there for Docker Hub images"),
        ("nginx", "https://index.docker.io/v1", False, "nodes never look there for Docker Hub images"),
    ],
)
def test_explain(image, host, fits, reason):
    (told,) = Keychain([secret("a", host)]).explain(Reference.parse(image))
    assert (told.secret, told.entry.host, told.fits) == ("a", host, fits)
    assert told.reason.startswith(reason)


def test_explain_hidden_docker_hub_entry():
    hub, fitting = Keychain([secret("a", "index.docker.io", "docker.io")]).explain(Reference.parse("nginx"))
    assert (hub.fits, fitting.fits) == (False, True)
    assert "hides it" in hub.reason


labels = st.sampled_from(["quay", "io", "docker", "index", "*", "*ay", "q*", "a"])
keys = st.builds(
    lambda host, port, path: ".".join(host) + port + path,
    st.lists(labels, min_size=1, max_size=3),
    st.sampled_from(["", ":5000", ":"]),
    st.sampled_from(["", "/", "/org", "/org/", "/library", "/%6frg", "/%zz", "#x"]),
)
images = st.sampled_from(
    ["quay.io/org/app", "nginx", "docker.io/org/app", "quay.io:5000/org/app", "index.docker.io/a/b"]
)


@given(st.lists(st.lists(keys, max_size=4, unique=True), max_size=3), images)
def test_index_finds_what_matching_every_key_finds(hosts, image):
    secrets = [secret(str(place), *given) for place, given in enumerate(hosts)]
    name = Reference.parse(image).name
    filed = sorted({entry.key for given in secrets for entry in given.entries if entry.key}, reverse=True)
    fitting = [key for key in filed if url_match(key, name)] or [key for key in filed if key == "index.docker.io"]
    if not any(url_match(key, name) for key in filed) and not name.startswith("docker.io/"):
        fitting = []
    expected = [entry.credential for key in fitting for given in secrets for entry in given.entries if entry.key == key]
    assert list(Keychain(secrets).lookup_name(name)) == expected


@given(st.text(max_size=20), st.lists(st.text(max_size=12), max_size=3))
def test_total(text, hosts):
    try:
        reference = Reference.parse(text)
    except InvalidReference:
        return
    keychain = Keychain([secret("a", *hosts)])
    assert [told.fits for told in keychain.explain(reference)].count(True) == len(keychain.lookup(reference))


def test_many_keys_and_many_images_do_not_multiply():
    """Plain keys are found by their host, so that 20,000 of each are not 400 million comparisons."""
    credential = Credential(username="u", secret="s", source="x")
    entries = tuple(Entry(host=f"h{number}.io", key=f"h{number}.io", credential=credential) for number in range(20_000))
    keychain = Keychain([PullSecret(name="a", state=SecretState.USABLE, entries=entries)])
    for number in range(20_000):
        assert len(keychain.lookup(Reference.parse(f"h{number}.io/x"))) == 1
