import io

import pytest

from webhook.demo.samples import MalformedSample, _sample, samples
from webhook.demo.walk import walk


async def test_every_sample_meets_its_expectation():
    out = io.StringIO()
    assert await walk(out), out.getvalue()
    told = out.getvalue()
    assert "deployment.apps/web created" in told
    assert "Nearest tags: 1.4.2, 1.4.1, 1.4.0." in told
    assert "NOT AS EXPECTED" not in told
    assert told.endswith("15 of 15 samples met their expectation.\n")


def test_the_samples_walk_all_seven_causes_and_one_fine_pod():
    codes = set().union(*(sample.codes for sample in samples({})))
    causes = {
        "wrong name or tag": {"image-not-found", "invalid-reference"},
        "missing or wrong pull secret": {"pull-secret-missing", "unauthorized", "denied-or-missing"},
        "no access": {"forbidden"},
        "rate limit": {"rate-limited"},
        "network block": {"registry-unreachable"},
        "wrong endpoint": {"not-a-registry"},
        "tag policy": {"latest-tag"},
    }
    assert [cause for cause, wanted in causes.items() if not wanted <= codes] == []
    assert any(sample.allowed and not sample.codes for sample in samples({}))


def test_ports_are_replaced():
    assert "localhost:1/shop/web" in samples({5443: 1})[0].text


def test_a_sample_says_what_it_expects():
    with pytest.raises(MalformedSample, match="expected"):
        _sample("x.yaml", "kind: Pod\n")
