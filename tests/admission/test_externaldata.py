"""Gatekeeper's ProviderRequests, bytes to bytes."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.admission.externaldata import ExternalData
from webhook.admission.review import MalformedReview
from webhook.policy.decision import Verdict

WIRE = ExternalData()


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


def asking(*keys: str) -> bytes:
    kind = {"apiVersion": "externaldata.gatekeeper.sh/v1beta1", "kind": "ProviderRequest"}
    return json.dumps(kind | {"request": {"keys": keys}}).encode()


def items(answer: bytes) -> list[dict]:
    response = json.loads(answer)
    assert (response["apiVersion"], response["kind"]) == ("externaldata.gatekeeper.sh/v1beta1", "ProviderResponse")
    assert set(response["response"]) == {"items"}
    return response["response"]["items"]


def test_what_is_told_and_what_is_not() -> None:
    workload = WIRE.decode(asking("nginx", "redis:7")).workload
    assert [each.image for each in workload.images] == ["nginx", "redis:7"]
    assert (workload.partial, workload.template, workload.namespace) == (True, True, "")


def test_only_what_would_be_denied_is_an_error(judged, finding) -> None:
    request = WIRE.decode(asking("A", "nginx:typo", "redis:7"))
    pairs = [
        (replace(judged("", image.image), image=image, findings=(found,)), found)
        for image, found in zip(
            request.workload.images, [finding("invalid-reference"), finding("image-not-found")], strict=False
        )
    ]
    good = replace(judged("", "redis:7"), image=request.workload.images[2])
    verdict = Verdict(
        workload=request.workload,
        judged=(pairs[0][0], pairs[1][0], good),
        denied=(pairs[0],),
        warned=(pairs[1],),
    )
    bad, doubtful, fine = items(WIRE.encode(request, verdict))
    assert bad["key"] == "A"
    assert bad["error"].endswith("[invalid-reference]")
    assert "value" not in bad
    assert "error" not in doubtful
    assert doubtful["value"]["outcome"] == "fail"
    assert doubtful["value"]["findings"][0]["code"] == "image-not-found"
    assert fine == {"key": "redis:7", "value": {"outcome": "pass", "findings": []}}


def test_what_was_not_judged_is_no_error() -> None:
    request = WIRE.decode(asking("nginx"))
    assert items(WIRE.encode(request, None)) == [{"key": "nginx", "value": {"outcome": "skip", "findings": []}}]
    (late,) = items(WIRE.encode_unverified(request))
    assert late["value"]["outcome"] == "error"
    assert "error" not in late


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"apiVersion": "externaldata.gatekeeper.sh/v1alpha1"}, "apiVersion"),
        ({"kind": "ProviderResponse"}, "kind"),
        ({"request": {"keys": [1]}}, "request.keys[0]"),
        ({"request": {"keys": ["a"] * 2049}}, "request.keys"),
    ],
)
def test_malformed(change: dict[str, object], path: str) -> None:
    with pytest.raises(MalformedReview) as raised:
        WIRE.decode(json.dumps(json.loads(asking("nginx")) | change).encode())
    assert raised.value.path == path


@given(st.binary(max_size=60))
def test_only_its_own_error_for_any_bytes(body: bytes) -> None:
    with pytest.raises(MalformedReview):
        WIRE.decode(body)


@given(st.lists(st.text(max_size=40), max_size=4))
def test_every_key_comes_back_as_it_was(keys: list[str]) -> None:
    request = WIRE.decode(asking(*keys))
    assert [item["key"] for item in items(WIRE.encode_unverified(request))] == keys


@given(st.sampled_from([(), ("request",), ("request", "keys"), ("kind",)]), anything)
def test_only_its_own_error_wherever_a_request_is_bent(path: tuple[str, ...], value: object) -> None:
    body: Any = json.loads(asking("nginx"))
    place = body
    for key in path[:-1]:
        place = place[key]
    if path:
        place[path[-1]] = value
    try:
        request = WIRE.decode(json.dumps(body if path else value).encode())
    except MalformedReview:
        pass
    else:
        assert not any("error" in item for item in items(WIRE.encode_unverified(request)))
