from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.image.manifest import OCI_INDEX, Descriptor, Index, Manifest
from webhook.image.platform import Platform
from webhook.image.reference import Digest, Reference
from webhook.registry.cache import PACE, Answer, Answers, Contents, Key, Lifetimes
from webhook.registry.resolution import INCONCLUSIVE, Failure, Resolved, Unresolved

ANY_AGE = float("-inf")
DIGEST = Digest("sha256:" + "a" * 64)
APP = Reference(registry="reg.test", repository="app", tag="1")
BARE = Key("reg.test", "app", "1", "", False)
FULL = BARE._replace(content=True)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def manifests(count: int) -> Index:
    descriptors = tuple(Descriptor(media_type="m", digest=DIGEST, size=1) for _ in range(count))
    return Index(media_type="i", manifests=descriptors)


def yes(
    content: Index | Manifest | None = None,
    began: float = 1000.0,
    reference: Reference = APP,
    media_type: str = OCI_INDEX,
) -> Answer:
    return Answer(Resolved(reference=reference, digest=DIGEST, media_type=media_type, content=content), began)


def no(failure: Failure = Failure.NOT_FOUND, began: float = 1000.0, **fields) -> Answer:
    return Answer(Unresolved(reference=APP, failure=failure, message="", **fields), began)


CONCLUSIVE = {failure: 30 for failure in Failure if failure not in INCONCLUSIVE} | {
    Failure.NOT_FOUND: 15,
    Failure.NOT_AN_IMAGE: 15,
}


@pytest.mark.parametrize(
    ("key", "answer", "seconds"),
    [
        (BARE, yes(), 60),
        (BARE._replace(identifier=DIGEST), yes(), 3600),
        (BARE, yes(media_type="application/json"), 15),
        (BARE._replace(identifier=DIGEST), yes(media_type=""), 15),
        (FULL._replace(identifier=DIGEST), yes(manifests(1)), 3600),
        (FULL._replace(identifier=DIGEST), yes(), 60),
        *((BARE, no(failure), seconds) for failure, seconds in CONCLUSIVE.items()),
        *((BARE, no(failure), 5) for failure in sorted(INCONCLUSIVE)),
        (BARE, no(Failure.RATE_LIMITED, retry_after=100.0), 100),
        (BARE, no(Failure.RATE_LIMITED, retry_after=0.0), PACE),
        (BARE, no(Failure.RATE_LIMITED, retry_after=1e6), 3600),
    ],
)
def test_lifetimes(clock, key, answer, seconds) -> None:
    answers = Answers(clock)
    answers.put(key, answer)
    clock.now += seconds - 0.5
    assert answers.get(key, not_before=ANY_AGE) == answer or key.content
    assert answers.get(key, not_before=ANY_AGE) is not None
    clock.now += 1
    assert answers.get(key, not_before=ANY_AGE) is None


def test_no_refusal_lives_shorter_than_the_pace(clock) -> None:
    answers = Answers(clock, lifetimes=Lifetimes(not_found=0, refused=0, inconclusive=0))
    for failure in Failure:
        answers.put(BARE, no(failure))
        clock.now += PACE / 2
        assert answers.looked_at(BARE, fresh=False) == 1000.0


@given(began=st.floats(0, 2000), not_before=st.floats(0, 2000), failure=st.sampled_from(Failure))
def test_a_refusal_serves_only_those_who_accept_its_age(began, not_before, failure) -> None:
    answers = Answers(Clock())
    answers.put(BARE, no(failure, began))
    assert (answers.get(BARE, not_before=not_before) is not None) == (began >= not_before)


def test_a_yes_serves_everyone(clock) -> None:
    answers = Answers(clock)
    answers.put(BARE, yes(began=500))
    assert answers.get(BARE, not_before=999) is not None


@given(st.data())
def test_an_answer_is_only_for_its_key(data) -> None:
    texts = st.sampled_from(["a", "b", "ab", ""])
    stored, asked = (Key(*(data.draw(texts) for _ in range(4)), data.draw(st.booleans())) for _ in range(2))
    answers = Answers(Clock())
    answers.put(stored, no())
    assert (answers.get(asked, not_before=ANY_AGE) is not None) == (stored == asked)


def test_a_yes_with_content_serves_who_asks_without(clock) -> None:
    answers = Answers(clock)
    answers.put(FULL, yes(manifests(3)))
    bare = answers.get(BARE, not_before=ANY_AGE)
    full = answers.get(FULL, not_before=ANY_AGE)
    assert bare is not None
    assert isinstance(bare.resolution, Resolved)
    assert bare.resolution.content is None
    assert full is not None
    assert isinstance(full.resolution, Resolved)
    assert full.resolution.content == manifests(3)


def test_a_no_with_content_serves_nobody_who_asks_without(clock) -> None:
    answers = Answers(clock)
    answers.put(FULL, no(Failure.NOT_AN_IMAGE))
    assert answers.get(BARE, not_before=ANY_AGE) is None


def test_a_yes_without_content_does_not_serve_who_wants_it(clock) -> None:
    answers = Answers(clock)
    answers.put(BARE, yes())
    assert answers.get(FULL, not_before=ANY_AGE) is None


@pytest.mark.parametrize(("first", "second"), [(BARE, FULL), (FULL, BARE)])
def test_a_yes_ends_the_no_of_the_other_kind(clock, first, second) -> None:
    answers = Answers(clock)
    answers.put(first, no())
    answers.put(second, yes(manifests(1) if second.content else None))
    found = answers.get(first, not_before=ANY_AGE)
    assert found is None or found.positive


def test_content_that_could_not_be_had_is_an_answer(clock) -> None:
    answers = Answers(clock)
    answers.put(FULL, yes())
    assert answers.get(FULL, not_before=ANY_AGE) == yes()


def test_an_answer_whose_content_was_dropped_is_none(clock) -> None:
    answers = Answers(clock, contents=Contents(most=10))
    answers.put(FULL, yes(manifests(5)))
    other = Reference(registry="reg.test", repository="other", tag="1")
    answers.put(FULL._replace(repository="other"), yes(manifests(5), reference=other))
    assert answers.get(FULL, not_before=ANY_AGE) is None
    assert answers.looked_at(FULL, fresh=False) is None
    assert answers.get(BARE, not_before=ANY_AGE) is not None


def test_an_answer_is_made_whole_once_and_ends_with_its_content(clock) -> None:
    answers = Answers(clock, contents=Contents(most=10))
    answers.put(FULL, yes(manifests(5)))
    whole = answers.get(FULL, not_before=ANY_AGE)
    assert whole is not None
    assert whole.resolution == yes(manifests(5)).resolution
    assert answers.get(FULL, not_before=ANY_AGE) is whole
    other = Reference(registry="reg.test", repository="other", tag="1")
    answers.put(FULL._replace(repository="other"), yes(manifests(6), reference=other))
    assert answers.get(FULL, not_before=ANY_AGE) is None


def test_content_too_heavy_to_keep_is_done_without(clock) -> None:
    answers = Answers(clock, contents=Contents(most=10))
    answers.put(FULL, yes(manifests(50)))
    assert answers.get(FULL, not_before=ANY_AGE) == yes()


def test_what_is_gone_of_content_is_forgotten_with_its_answer(clock) -> None:
    """A digest names the same for ever, but what was gone of it may have come back."""
    answers, kept = Answers(clock), Contents()
    flawed = replace(manifests(1), gone=(DIGEST,))
    answers.put(FULL._replace(identifier=DIGEST), yes(flawed))
    assert answers.get(FULL._replace(identifier=DIGEST), not_before=ANY_AGE) == yes(flawed)
    clock.now += 61
    assert answers.get(FULL._replace(identifier=DIGEST), not_before=ANY_AGE) is None
    assert not kept.keep(yes(flawed).resolution)
    assert not kept.keep(yes(replace(manifests(1), nested=((DIGEST, flawed),))).resolution)
    answers.put(FULL, yes(replace(manifests(1000), gone=(DIGEST,))))
    assert answers.get(FULL, not_before=ANY_AGE) == yes(), "much of it is done without"


def test_entries_are_bounded_and_the_least_used_go_first(clock) -> None:
    answers = Answers(clock, most=100)
    for number in range(1000):
        answers.put(BARE._replace(identifier=str(number)), yes())
        answers.get(BARE._replace(identifier="0"), not_before=ANY_AGE)
    kept = [number for number in range(1000) if answers.get(BARE._replace(identifier=str(number)), not_before=ANY_AGE)]
    assert kept == [0, *range(901, 1000)]


def test_content_is_counted_in_descriptors() -> None:
    nested = Index(media_type="i", manifests=(), nested=((DIGEST, manifests(3)),))
    manifest = Manifest(
        media_type="m",
        config=Descriptor(media_type="c", digest=DIGEST, size=1),
        layers=(Descriptor(media_type="l", digest=DIGEST, size=1),) * 4,
    )
    for content, weight in ((manifests(3), 4), (nested, 5), (manifest, 6)):
        resolved = Resolved(reference=APP, digest=DIGEST, media_type="", content=content)
        assert Contents(most=weight).keep(resolved)
        assert not Contents(most=weight - 1).keep(resolved)


def test_descriptors_with_long_texts_count_as_several() -> None:
    platform = Platform(os="o", architecture="a" * 256, os_features=("f" * 256,) * 64)
    long = replace(manifests(1).manifests[0], platform=platform, media_type="m" * 256)
    contents = Contents(most=1000)
    for number in range(1000):
        content = Index(media_type="i", manifests=(long,))
        digest = Digest(f"sha256:{number:064x}")
        assert contents.keep(Resolved(reference=APP, digest=digest, media_type="", content=content))
    assert len(contents._kept) < 20


def test_what_is_expected_is_what_the_name_had_last() -> None:
    contents = Contents()
    assert not contents.expects(APP)
    contents.keep(Resolved(reference=APP, digest=DIGEST, media_type="", content=manifests(1)))
    assert contents.expects(APP)
    assert contents.expects(Reference(registry="reg.test", repository="app", digest=DIGEST))
    assert not contents.expects(Reference(registry="evil.test", repository="app", digest=DIGEST))
