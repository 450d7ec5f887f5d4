"""Every decoder on its kept samples and on mutations of them; what the long run does for minutes, for a moment."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from targets import CORPUS, TARGETS, Target, seeds

CASES = [(name, file.name) for name in TARGETS for file in sorted((CORPUS / name).iterdir())]


def test_every_target_has_samples() -> None:
    assert {folder.name for folder in CORPUS.iterdir()} == set(TARGETS)


@pytest.mark.parametrize(("name", "sample"), CASES, ids=lambda text: text)
def test_samples(name: str, sample: str) -> None:
    TARGETS[name]((CORPUS / name / sample).read_bytes())


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_mutations(name: str, data: st.DataObject) -> None:
    target = TARGETS[name]
    target(data.draw(mutated(target, seeds(name))))


def mutated(target: Target, samples: list[bytes]) -> st.SearchStrategy[bytes]:
    """Cut a sample somewhere, put words or bytes in, and go on with another, or not at all."""
    words = st.sampled_from([word.encode() for word in target.words]) | st.binary(max_size=8)
    middle = st.lists(words, max_size=6).map(b"".join)
    part = st.sampled_from(samples).flatmap(lambda sample: st.integers(0, len(sample)).map(lambda end: (sample, end)))
    return st.tuples(part, middle, part).map(
        lambda drawn: drawn[0][0][: drawn[0][1]] + drawn[1] + drawn[2][0][drawn[2][1] :]
    )
