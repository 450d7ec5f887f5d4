"""Which refusal an answer is: the vectors' table, and what registries say in their own words."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.registry.answer import Answer
from webhook.registry.challenge import Challenge, parse, pick
from webhook.registry.failure import (
    AccessDenied,
    NotAnImage,
    NotFound,
    OutOfTime,
    ProtocolViolation,
    RateLimited,
    RegistryError,
    Situation,
    Transient,
    Unreachable,
    classify,
    error_of,
)
from webhook.registry.resolution import INCONCLUSIVE, Absent, Failure, Step
from webhook.registry.url import Url

BASIC = 'Basic realm="r"'
BEARER = 'Bearer realm="https://a.example/t"'
HTML = {"content-type": "text/html; charset=utf-8"}
OCI = {"content-type": "application/json"}


def _answer(status: int, body: str = "", headers: dict[str, str] | None = None, **more: Any) -> Answer:
    url = Url.parse("https://reg.example/v2/app/manifests/1")
    named = tuple((headers or {}).items())
    return Answer(method="GET", url=url, status=status, headers=named, body=body.encode(), **more)


def _situation(
    step: Step = Step.MANIFEST, *, login: bool = False, sent: bool = False, asks: str = "", what: Absent = Absent.TAG
) -> Situation:
    challenge: Challenge | None = pick(parse([asks])) if asks else None
    return Situation(step=step, login=login, now=1_700_000_000.0, sent=sent, challenge=challenge, what=what)


def _oci(code: str, message: str = "") -> str:
    return f'{{"errors":[{{"code":"{code}","message":"{message}"}}]}}'


RULES = {
    "denied_or_missing": Failure.HIDDEN,
    "forbidden": Failure.FORBIDDEN,
    "rate_limited": Failure.RATE_LIMITED,
    "server_error": Failure.SERVER_ERROR,
    "not_found": Failure.NOT_FOUND,
    "timeout": Failure.TIMEOUT,
    "policy_blocked": Failure.SERVER_ERROR,
    "bad_request": Failure.SERVER_ERROR,
}


def _statuses(described: Any) -> tuple[int, ...]:
    match described:
        case "5xx":
            return (500, 502, 503, 504)
        case "other 4xx":
            return (400, 402, 410, 418, 451)
        case list():
            return tuple(described)
    return ()


def _when(rule: dict[str, Any], *, login: bool) -> Situation:
    """The situation that a rule is about."""
    when = rule["when"]
    asks, sent = "", bool(when.get("after_token"))
    if when.get("challenge") == "Basic":
        asks = BASIC
    elif sent:
        asks = BEARER + (f',error="{when["error"]}"' if when["error"] else "")
    return _situation(Step(when["stage"]), login=login, sent=sent, asks=asks)


@pytest.mark.parametrize("login", [True, False], ids=["login", "anonymous"])
@pytest.mark.vectors("error_classes", "rules")
def test_rules(case: dict[str, Any], login: bool) -> None:
    expected = case.get("class") or case.get("with_credentials" if login else "anonymous")
    if expected == "unauthorized":
        wanted = Failure.LOGIN_REFUSED if login else Failure.LOGIN_WANTED
    else:
        wanted = RULES.get(expected or "", Failure.SERVER_ERROR)
    for status in _statuses(case["when"]["status"]):  # "200 without token" and 405 on HEAD are told elsewhere
        assert classify(_answer(status), _when(case, login=login)).failure is wanted


@pytest.mark.parametrize(
    ("status", "body", "headers", "login", "failure"),
    [
        (
            403,
            _oci("DENIED", "Your authorization token has expired. Reauthenticate and try again."),
            OCI,
            True,
            "REFUSED",
        ),
        (400, _oci("DENIED", "Your Authorization Token has expired."), OCI, True, "REFUSED"),
        (400, _oci("DENIED", "Your Authorization Token has expired."), OCI, False, "SERVER"),
        (403, _oci("DENIED", "not authorized to perform: ecr:BatchGetImage"), OCI, True, "FORBIDDEN"),
        (403, _oci("DENIED", "Permission denied (or it may not exist)"), OCI, True, "HIDDEN"),
        (403, _oci("DENIED", "Permission denied (or it may not exist)"), OCI, False, "HIDDEN"),
        (403, "<html>Forbidden</html>", HTML, True, "NOT_A_REGISTRY"),
        (403, "<?xml version='1.0'?><Error/>", {"content-type": "application/xml"}, False, "NOT_A_REGISTRY"),
        (403, _oci("DENIED", "no"), HTML, True, "FORBIDDEN"),
        (403, "", {}, True, "FORBIDDEN"),
        (403, "", {}, False, "FORBIDDEN"),
        (403, _oci("TOOMANYREQUESTS", "slow down"), OCI, False, "RATE"),
        (503, _oci("TOOMANYREQUESTS", "slow down"), OCI, False, "RATE"),
        (404, "<html>404</html>", HTML, False, "NOT_A_REGISTRY"),
        (404, "<html>404</html>", HTML | {"docker-distribution-api-version": "registry/2.0"}, False, "NOT_FOUND"),
        (404, "404 page not found", {"content-type": "text/plain"}, False, "NOT_FOUND"),
        (404, _oci("MANIFEST_UNKNOWN"), OCI | {"x-jfrog-version": "Artifactory/7.12.8"}, True, "HIDDEN"),
        (404, _oci("MANIFEST_UNKNOWN"), OCI | {"x-artifactory-id": "1"}, False, "HIDDEN"),
        (404, _oci("MANIFEST_UNKNOWN"), OCI | {"server": "Artifactory/6.1.0"}, False, "HIDDEN"),
        (404, _oci("UNAUTHORIZED"), OCI, False, "HIDDEN"),
        (404, _oci("MANIFEST_UNKNOWN"), OCI, False, "NOT_FOUND"),
        (304, "", {}, False, "SERVER"),
        (407, "", {}, False, "PROXY"),
        (412, _oci("PROJECTPOLICYVIOLATION", "12 vulnerabilities"), OCI, False, "SERVER"),
        (451, "", {}, False, "SERVER"),
        (502, "<html>Bad Gateway</html>", HTML, False, "SERVER"),
    ],
)
def test_manifests(status: int, body: str, headers: dict[str, str], login: bool, failure: str) -> None:
    names = {"REFUSED": Failure.LOGIN_REFUSED, "SERVER": Failure.SERVER_ERROR, "RATE": Failure.RATE_LIMITED}
    wanted = names.get(failure) or Failure[failure]
    assert classify(_answer(status, body, headers), _situation(login=login)).failure is wanted


@pytest.mark.parametrize(
    ("status", "asks", "login", "sent", "failure"),
    [
        (401, BASIC, False, False, Failure.LOGIN_WANTED),
        (401, BASIC, True, True, Failure.LOGIN_REFUSED),
        (401, "", False, False, Failure.LOGIN_WANTED),
        (401, "", True, False, Failure.LOGIN_REFUSED),
        (401, BEARER, False, True, Failure.HIDDEN),
        (401, BEARER, True, True, Failure.LOGIN_REFUSED),
        (401, BEARER + ',error="insufficient_scope"', True, True, Failure.HIDDEN),
        (401, BEARER + ',error="invalid_token"', True, True, Failure.SERVER_ERROR),
        (401, BEARER + ',error="invalid_token"', False, True, Failure.SERVER_ERROR),
    ],
)
def test_401(status: int, asks: str, login: bool, sent: bool, failure: Failure) -> None:
    assert classify(_answer(status), _situation(login=login, sent=sent, asks=asks)).failure is failure


@pytest.mark.parametrize(
    ("status", "body", "login", "failure"),
    [
        (401, '{"details":"incorrect username or password"}', True, Failure.LOGIN_REFUSED),
        (401, "", False, Failure.HIDDEN),
        (403, _oci("DENIED"), True, Failure.FORBIDDEN),
        (403, _oci("DENIED"), False, Failure.HIDDEN),
        (403, _oci("DENIED", "denied (or it may not exist)"), True, Failure.HIDDEN),
        (403, "<html>", True, Failure.NOT_A_REGISTRY),
        (404, "<html>", True, Failure.NOT_A_REGISTRY),
        (404, "", True, Failure.SERVER_ERROR),
        (400, "", True, Failure.SERVER_ERROR),
        (302, "", True, Failure.SERVER_ERROR),
        (429, "<html>", True, Failure.RATE_LIMITED),
        (500, "<html>", True, Failure.SERVER_ERROR),
    ],
)
def test_token_services(status: int, body: str, login: bool, failure: Failure) -> None:
    assert classify(_answer(status, body), _situation(Step.TOKEN, login=login)).failure is failure


@pytest.mark.parametrize("status", [401, 403])
def test_a_redirect_target_that_was_not_told_the_login_says_nothing(status: int) -> None:
    answer = _answer(status, redirected=True, withheld=True)
    assert classify(answer, _situation(login=True, sent=True, asks=BEARER)).failure is Failure.SERVER_ERROR


@pytest.mark.parametrize(
    ("code", "message", "absent"),
    [
        ("MANIFEST_UNKNOWN", "manifest unknown", Absent.TAG),
        ("NAME_UNKNOWN", "repository name not known to registry", Absent.REPOSITORY),
        ("NOT_FOUND", "artifact proj/app:1 not found", Absent.TAG),
        ("NOT_FOUND", "repository proj/app not found", Absent.REPOSITORY),
        ("BLOB_UNKNOWN", "blob unknown to registry", Absent.TAG),
    ],
)
def test_what_is_absent(code: str, message: str, absent: Absent) -> None:
    error = classify(_answer(404, _oci(code, message)), _situation())
    assert (error.absent, error.confirmed, error.message) == (absent, True, f"{absent} not found")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(_oci("SOMETHING", "else"), id="an unknown code"),
        pytest.param('{"errors":[{"message":"Not Found"}]}', id="a web framework"),
        pytest.param('{"errors":[{"status":404,"message":"File not found."}]}', id="a file server"),
        pytest.param('{"success":false,"errors":[{"code":7003,"message":"No route"}]}', id="a gateway"),
        pytest.param('{"message":"Not Found"}', id="another gateway"),
    ],
)
def test_only_a_registrys_own_code_confirms_an_absence(body: str) -> None:
    error = classify(_answer(404, body), _situation())
    assert (error.failure, error.confirmed) == (Failure.NOT_FOUND, False)


def test_what_is_absent_to_a_stranger_is_not_confirmed() -> None:
    """A redirect's target was not given the login; Go's client gives it to subdomains and other ports of the host."""
    answer = _answer(404, _oci("MANIFEST_UNKNOWN", "manifest unknown"), redirected=True, withheld=True)
    error = classify(answer, _situation(login=True, sent=True))
    assert (error.failure, error.confirmed) == (Failure.NOT_FOUND, False)


def test_a_404_without_words_is_not_confirmed() -> None:
    error = classify(_answer(404), _situation())
    assert (error.failure, error.confirmed, error.absent) == (Failure.NOT_FOUND, False, Absent.UNKNOWN)


def test_a_rate_limit_tells_when_to_come_back() -> None:
    headers = {"retry-after": "30", "ratelimit-limit": "100;w=21600", "ratelimit-remaining": "0;w=21600"}
    error = classify(_answer(429, "", headers), _situation())
    assert error.retry_after == 30
    assert error.quota is not None
    assert error.quota.remaining == 0


def test_the_reason_of_a_policy_is_told_in_the_registrys_words() -> None:
    body = _oci("PROJECTPOLICYVIOLATION", "current image with 12 vulnerabilities cannot be pulled")
    message = classify(_answer(412, body, OCI, phrase="Precondition Failed"), _situation()).message
    assert message.startswith(
        "https://reg.example answers 412 Precondition Failed: PROJECTPOLICYVIOLATION: current image"
    )


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (Failure.NOT_FOUND, NotFound),
        (Failure.HIDDEN, NotFound),
        (Failure.LOGIN_WANTED, AccessDenied),
        (Failure.NOT_AN_IMAGE, NotAnImage),
        (Failure.NOT_A_REGISTRY, ProtocolViolation),
        (Failure.SERVER_ERROR, Transient),
        (Failure.RATE_LIMITED, RateLimited),
        (Failure.TLS, Unreachable),
        (Failure.OUT_OF_TIME, OutOfTime),
    ],
)
def test_the_tree(failure: Failure, kind: type[RegistryError]) -> None:
    error = error_of(failure, "why")
    assert type(error) is kind
    assert str(error) == "why"


@given(
    st.integers(300, 599),
    st.binary(max_size=200),
    st.dictionaries(st.sampled_from(["content-type", "server", "retry-after", "x-jfrog-id"]), st.text(max_size=40)),
    st.sampled_from(list(Step)),
    st.booleans(),
    st.booleans(),
)
def test_classify_is_total(
    status: int, body: bytes, headers: dict[str, str], step: Step, login: bool, sent: bool
) -> None:
    answer = _answer(status, "", headers)
    error = classify(
        Answer(method="GET", url=answer.url, status=status, headers=answer.headers, body=body),
        _situation(step, login=login, sent=sent),
    )
    assert error.message.isprintable()
    if status >= 500 or status < 400:
        assert error.failure in INCONCLUSIVE
    if error.failure is Failure.NOT_FOUND:
        assert status == 404
