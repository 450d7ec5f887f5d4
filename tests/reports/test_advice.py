import pytest

from webhook.credentials.pullsecret import PullSecret, PullSecrets, SecretState
from webhook.image.reference import Reference
from webhook.policy.finding import Code, Finding, FindingClass
from webhook.reports.advice import advice, advised
from webhook.workload.workload import Workload

POD = Workload(kind="Pod", namespace="shop", name="api")
ECR = Reference.parse("123456789012.dkr.ecr.eu-west-1.amazonaws.com/a/b:1")


def secrets(state: SecretState) -> PullSecrets:
    return PullSecrets(secrets=(PullSecret(name="a", state=state),))


def finding(code: Code, fix: str = "as the check says") -> Finding:
    return Finding(code=code, cls=FindingClass.ERROR, message="", brief="", fix=fix)


def test_where_a_node_may_hold_a_login_the_command_is_for_when_it_does_not() -> None:
    fix = advised(finding(Code.CREDENTIALS_UNAVAILABLE), ECR, POD, PullSecrets()).fix
    assert fix.startswith("if no node has a login either: name it in imagePullSecrets: kubectl create secret ")
    assert "aws ecr get-login-password --region eu-west-1" in fix


@pytest.mark.parametrize(
    ("code", "given"),
    [
        (Code.CREDENTIALS_UNAVAILABLE, secrets(SecretState.UNREADABLE)),
        (Code.CREDENTIALS_UNAVAILABLE, PullSecrets(account="default", account_unreadable="forbidden")),
        (Code.IMAGE_NOT_FOUND, PullSecrets()),
    ],
    ids=["a secret we may not read", "an account we may not read", "what its check knows better"],
)
def test_else_the_check_has_the_word(code: Code, given: PullSecrets) -> None:
    assert advised(finding(code), ECR, POD, given).fix == "as the check says"


def test_no_network_policy_is_blamed() -> None:
    told = finding(Code.REGISTRY_UNREACHABLE, "check that egress is allowed (NetworkPolicy, firewall)")
    fix = "check that egress is allowed (firewall, proxy; no NetworkPolicy rules a pull)"
    assert advised(told, ECR, POD, PullSecrets()).fix == fix


@pytest.mark.parametrize(
    ("code", "given", "words"),
    [
        (Code.UNAUTHORIZED, PullSecrets(), "kubectl create secret docker-registry regcred -n shop"),
        (Code.NO_PULL_SECRET, secrets(SecretState.MISSING), "kubectl create secret docker-registry a -n shop"),
        (Code.FORBIDDEN, PullSecrets(), "allow ecr:BatchGetImage on repository a/b"),
        (Code.RATE_LIMITED, PullSecrets(), "wait, or log in: "),
        (Code.IMAGE_NOT_FOUND, PullSecrets(), "aws ecr list-images --region eu-west-1 --repository-name a/b"),
    ],
)
def test_what_only_the_node_says_is_answered_in_the_words_of_the_registry(
    code: Code, given: PullSecrets, words: str
) -> None:
    assert words in advice(code, ECR, POD, given)


def test_what_has_no_words_of_a_registry_is_left_to_the_page() -> None:
    assert advice(Code.BROKEN_IMAGE, ECR, POD, PullSecrets()) == ""
