from itertools import permutations, product

import pytest

from webhook.credentials.credential import ANONYMOUS, Credential
from webhook.image.reference import Digest, Reference
from webhook.registry.cache import Answer
from webhook.registry.limits import Held
from webhook.registry.outcome import candidates, combine, out_of_time, too_many, unresolved
from webhook.registry.resolution import INCONCLUSIVE, Absent, Attempt, Failure, Quota, Resolved, Step, Unresolved

APP = Reference(registry="reg.test", repository="app", tag="1")
LOGINS = tuple(Credential(username=name, secret="x", source=name) for name in "abc")
CONCLUSIVE = [failure for failure in Failure if failure not in INCONCLUSIVE]


def attempt(source: str) -> Attempt:
    return Attempt(endpoint="https://reg.test", credential=source, step=Step.MANIFEST, method="HEAD")


def no(failure: Failure, source: str = "", **fields) -> Answer:
    attempts = (attempt(source),) if source else ()
    return Answer(Unresolved(reference=APP, failure=failure, message="", attempts=attempts, **fields), 0.0, source)


def yes(source: str) -> Answer:
    resolved = Resolved(reference=APP, digest=Digest("sha256:" + "a" * 64), media_type="m", attempts=(attempt(source),))
    return Answer(resolved, 0.0, source)


def told(*failures: Failure, **fields) -> Unresolved:
    resolution = combine(APP, LOGINS, [no(failure, **fields) for failure in failures])
    assert isinstance(resolution, Unresolved)
    return resolution


# --- which failure is told


@pytest.mark.parametrize("known", CONCLUSIVE)
@pytest.mark.parametrize("unknown", sorted(INCONCLUSIVE))
def test_what_could_not_be_found_out_for_one_is_found_out_for_none(known, unknown) -> None:
    for order in permutations((known, known, unknown)):
        assert told(*order).failure is unknown
        assert told(*order).inconclusive


def test_the_order_of_logins_does_not_change_what_is_told() -> None:
    for pair in product(Failure, repeat=2):
        assert told(*pair).failure is told(*reversed(pair)).failure


@pytest.mark.parametrize(
    ("failures", "failure"),
    [
        ((Failure.LOGIN_REFUSED, Failure.NOT_FOUND), Failure.NOT_FOUND),
        ((Failure.LOGIN_REFUSED, Failure.FORBIDDEN), Failure.FORBIDDEN),
        ((Failure.LOGIN_REFUSED, Failure.HIDDEN), Failure.HIDDEN),
        ((Failure.LOGIN_WANTED, Failure.LOGIN_REFUSED), Failure.LOGIN_REFUSED),
        ((Failure.NOT_FOUND, Failure.FORBIDDEN), Failure.NOT_FOUND),
        ((Failure.NOT_AN_IMAGE, Failure.NOT_FOUND), Failure.NOT_AN_IMAGE),
        ((Failure.DNS, Failure.RATE_LIMITED), Failure.RATE_LIMITED),
        ((Failure.OUT_OF_TIME, Failure.TIMEOUT), Failure.TIMEOUT),
    ],
)
def test_the_most_telling_is_told(failures, failure) -> None:
    assert told(*failures).failure is failure


@pytest.mark.parametrize(
    ("others", "confirmed"),
    [
        ((), True),
        ((Failure.NOT_FOUND,), True),
        ((Failure.LOGIN_REFUSED,), True),
        ((Failure.LOGIN_WANTED,), True),
        ((Failure.FORBIDDEN,), False),  # there is something that this login may not see
        ((Failure.HIDDEN,), False),
        ((Failure.LOGIN_REFUSED, Failure.HIDDEN), False),
    ],
)
def test_an_absence_is_sure_only_if_nobody_was_told_of_more(others, confirmed) -> None:
    assert told(Failure.NOT_FOUND, *others, confirmed=True).confirmed is confirmed


def test_a_quota_is_told_whoever_was_told_of_it() -> None:
    quota = Quota(limit=100, remaining=3, window=21600)
    answers = [no(Failure.NOT_FOUND), no(Failure.LOGIN_REFUSED, quota=quota)]
    assert combine(APP, LOGINS, answers).quota == quota


# --- attempts


def test_attempts_keep_the_order_of_logins_under_the_caller_s_names() -> None:
    answers = [no(Failure.LOGIN_REFUSED, "theirs"), yes("b")]
    assert [each.credential for each in combine(APP, LOGINS, answers).attempts] == ["a", "b"]


def test_attempts_under_another_name_keep_it() -> None:
    answer = Answer(
        Unresolved(reference=APP, failure=Failure.HIDDEN, message="", attempts=(attempt("x"), attempt("mirror"))),
        0.0,
        "x",
    )
    assert [each.credential for each in combine(APP, LOGINS, [answer]).attempts] == ["a", "mirror"]


def test_an_answer_for_the_same_reference_and_name_is_passed_on_as_it_is() -> None:
    answer = yes("a")
    assert combine(APP, LOGINS, [answer]) is answer.resolution


def test_what_is_not_known_is_left_out() -> None:
    resolution = combine(APP, LOGINS, [None, yes("b")])
    assert isinstance(resolution, Resolved)
    assert [each.credential for each in resolution.attempts] == ["b"]


def test_the_answer_is_for_the_reference_asked() -> None:
    other = Reference(registry="reg.test", repository="app", tag="2")
    assert combine(other, LOGINS, [yes("a")]).reference == other
    assert combine(other, LOGINS, [no(Failure.HIDDEN)]).reference == other


# --- candidates


def test_no_login_is_one_anonymous_pull() -> None:
    assert candidates(()) == {"": ANONYMOUS}


def test_logins_are_tried_once_each_in_order() -> None:
    a, b, _ = LOGINS
    again = Credential(username="a", secret="x", source="another secret")
    assert list(candidates((b, a, again, b)).values()) == [b, a]


def test_logins_without_a_secret_are_one_anonymous_try_in_their_place() -> None:
    a, b, _ = LOGINS
    empty = Credential(username="", secret="", source="empty")
    name_only = Credential(username="n", secret="", source="name only")
    assert list(candidates((a, name_only, empty, ANONYMOUS, b)).values()) == [a, name_only, b]


def test_an_identity_token_is_a_login() -> None:
    token = Credential(username="", secret="refresh", source="token")
    assert list(candidates((token, ANONYMOUS)).values()) == [token, ANONYMOUS]


# --- values for what was raised


def test_every_field_of_a_refusal_is_kept(refuse) -> None:
    fields = {
        "absent": Absent.TAG,
        "confirmed": True,
        "retry_after": 3.0,
        "quota": Quota(limit=1, remaining=0, window=1),
        "node_error": "reg.test/app:1: not found",
        "attempts": (attempt("a"),),
    }
    value = unresolved(APP, refuse(Failure.NOT_FOUND, **fields))
    assert {name: getattr(value, name) for name in fields} == fields
    assert (value.reference, value.failure, value.message) == (APP, Failure.NOT_FOUND, "tag not found")


def test_what_was_not_asked_is_inconclusive(refuse) -> None:
    held = unresolved(APP, Held(Failure.RATE_LIMITED, "rate-limited (429)", retry_after=3.0))
    assert (held.failure, held.retry_after, held.message) == (Failure.RATE_LIMITED, 3.0, "rate-limited (429)")
    assert out_of_time(APP).inconclusive
    assert too_many(unresolved(APP, refuse(Failure.NOT_FOUND, confirmed=True)), 32).inconclusive
