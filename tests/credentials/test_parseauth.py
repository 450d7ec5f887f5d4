import pytest

from webhook.credentials.authfield import InvalidAuth
from webhook.credentials.parseauth import AuthConfig, parse_auth


@pytest.mark.vectors("keyring", "containerd_parse_auth")
def test_parse_auth(case):
    given = case["auth_config"]
    names = {"identitytoken": "identity_token", "serveraddress": "server_address"}
    config = None if given is None else AuthConfig(**{names.get(name, name): text for name, text in given.items()})
    if "error" in case:
        with pytest.raises(InvalidAuth):
            parse_auth(config, case["host"])
    else:
        assert parse_auth(config, case["host"]) == (case["username"], case["secret"])


def test_server_address():
    config = AuthConfig(username="u", password="p", server_address="https://quay.io:443/v2/")
    assert parse_auth(config, "quay.io:443") == ("u", "p")
    assert parse_auth(config, "quay.io") == ("", "")
    with pytest.raises(InvalidAuth, match="no URL"):
        parse_auth(AuthConfig(username="u", server_address="https://a b"), "a")


def test_no_secret_is_shown():
    assert "hunter2" not in repr(AuthConfig(username="u", password="hunter2"))
