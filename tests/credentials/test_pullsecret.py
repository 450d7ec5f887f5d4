import pytest

from webhook.credentials.pullsecret import PullSecret, PullSecrets, SecretState, asked_secrets, effective_secrets


@pytest.mark.vectors("keyring", "effective_secrets")
def test_effective_secrets(case):
    if case.get("rejected"):
        return  # the API server refuses the pod: there is no list to tell of
    if case.get("operation") == "UPDATE":
        return  # the pod is taken as it is stored
    account = case["service_account"] or []
    assert effective_secrets(case["pod"] or [], account) == tuple(case["effective"])


def test_an_empty_name_keeps_the_accounts_secrets_out():
    assert asked_secrets(effective_secrets([""], ["regcred"])) == ()


@pytest.mark.vectors("keyring", "secret_retrieval")
def test_secret_retrieval(case):
    def state(name):
        return SecretState.USABLE if name in case["present"] else SecretState.MISSING

    secrets = PullSecrets(
        secrets=tuple(PullSecret(name=name, state=state(name)) for name in asked_secrets(case["names"]))
    )
    assert [secret.name for secret in secrets.in_state(SecretState.USABLE)] == case["used"]
    assert secrets.event == (case["event"] or "")
