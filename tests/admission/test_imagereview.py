"""ImageReviews, bytes to bytes."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.admission.imagereview import ImageReviews
from webhook.admission.review import MalformedReview
from webhook.policy.decision import Verdict
from webhook.workload.workload import Subject

WIRE = ImageReviews(frozenset({"kube-system"}))


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


def review(*images: str, namespace: str = "shop", **annotations: str) -> bytes:
    spec = {"containers": [{"image": image} for image in images], "namespace": namespace, "annotations": annotations}
    body = {"apiVersion": "imagepolicy.k8s.io/v1alpha1", "kind": "ImageReview", "spec": spec}
    # What Go sends besides: client-go encodes the empty rest of the object too.
    return json.dumps(body | {"metadata": {"creationTimestamp": None}, "status": {"allowed": False}}).encode()


def test_what_is_told_and_what_is_not() -> None:
    workload = WIRE.decode(review("nginx", "A/B:1")).workload
    assert [(each.image, each.field) for each in workload.images] == [
        ("nginx", "spec.containers[0].image"),
        ("A/B:1", "spec.containers[1].image"),
    ]
    assert workload.partial
    assert (workload.namespace, workload.subject, workload.skip) == ("shop", Subject.OWNED_PODS, None)
    assert not workload.template


def test_annotations_count_as_those_of_other_doors() -> None:
    given = {"ignore.pullproof.image-policy.k8s.io/latest-tag": "vendor", "x.image-policy.k8s.io/y": "z"}
    assert WIRE.decode(review("nginx", **given)).workload.annotations == {"ignore.pullproof.dev/latest-tag": "vendor"}


def test_excluded_namespaces_are_skipped() -> None:
    request = WIRE.decode(review("nginx", namespace="kube-system"))
    assert request.workload.skip
    assert json.loads(WIRE.encode(request, None))["status"] == {"allowed": True}


def test_answers(judged, finding, verdict) -> None:
    request = WIRE.decode(review("nginx:typo"))
    pair = (judged("", "nginx:typo"), finding("image-not-found"))
    denied = json.loads(WIRE.encode(request, verdict(pair, denied=1)))
    assert (denied["apiVersion"], denied["kind"]) == ("imagepolicy.k8s.io/v1alpha1", "ImageReview")
    assert denied["status"]["allowed"] is False
    assert "[image-not-found]" in denied["status"]["reason"]
    assert denied["status"]["auditAnnotations"]["decision"] == "denied"
    warned = json.loads(WIRE.encode(request, verdict(pair)))["status"]
    assert warned["allowed"] is True
    assert "reason" not in warned
    assert json.loads(warned["auditAnnotations"]["findings"])[0]["code"] == "image-not-found"
    fine = Verdict(workload=request.workload)
    assert json.loads(WIRE.encode(request, fine))["status"] == {"allowed": True}


def test_out_of_time_allows_and_says_so() -> None:
    answer = json.loads(WIRE.encode_unverified(WIRE.decode(review("nginx"))))
    assert answer["status"] == {"allowed": True, "auditAnnotations": {"decision": "not-verified"}}


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"apiVersion": "imagepolicy.k8s.io/v1"}, "apiVersion"),
        ({"kind": "AdmissionReview"}, "kind"),
        ({"spec": None}, "spec"),
        ({"spec": {"containers": [{"image": 5}]}}, "spec.containers[0].image"),
        ({"spec": {"containers": [{"image": "a"}] * 2049}}, "spec.containers"),
    ],
)
def test_malformed(change: dict[str, object], path: str) -> None:
    with pytest.raises(MalformedReview) as raised:
        WIRE.decode(json.dumps(json.loads(review("nginx")) | change).encode())
    assert raised.value.path == path


@given(st.binary(max_size=60))
def test_only_its_own_error_for_any_bytes(body: bytes) -> None:
    with pytest.raises(MalformedReview):
        WIRE.decode(body)


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_is_an_image_and_a_namespace(image: str, namespace: str) -> None:
    workload = WIRE.decode(review(image, namespace=namespace)).workload
    assert (workload.images[0].image, workload.namespace) == (image, namespace)
    assert WIRE.encode(WIRE.decode(review(image)), Verdict(workload=replace(workload, namespace=namespace)))


@given(
    st.sampled_from([(), ("spec",), ("spec", "containers"), ("spec", "annotations"), ("spec", "namespace")]), anything
)
def test_only_its_own_error_wherever_a_review_is_bent(path: tuple[str, ...], value: object) -> None:
    body: Any = json.loads(review("nginx"))
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
        assert json.loads(WIRE.encode_unverified(request))["status"]["allowed"]
