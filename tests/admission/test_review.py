"""The envelope, both ways."""

import contextlib
import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from webhook.admission.review import (
    AdmissionRequest,
    MalformedReview,
    Operation,
    decode,
    encode,
    encode_allowed,
    encode_unverified,
)
from webhook.policy.decision import Judged, Verdict
from webhook.policy.finding import Finding
from webhook.workload.workload import Subject, Workload

Review = Callable[[str], Any]


def read(body: object) -> AdmissionRequest:
    return decode(json.dumps(body).encode())


def images(request: AdmissionRequest) -> list[tuple[str, bool]]:
    return [(image.image, image.judged) for image in request.workload.images]


ALL = ["ghcr.io/acme/api:1.4.2", "docker.io/envoyproxy/envoy:v1.31.0", "reg.corp.example/db/migrate:9"]


def test_a_pod_of_a_controller(review: Review) -> None:
    request = read(review("pod-create"))
    assert request.uid == "705ab4f5-6393-11e8-b7cc-42010a800002"
    assert (request.resource, request.operation, request.dry_run) == ("pods", Operation.CREATE, False)
    assert request.username == "system:serviceaccount:kube-system:replicaset-controller"
    assert "system:authenticated" in request.groups
    workload = request.workload
    assert (workload.kind, workload.namespace, workload.subject) == ("Pod", "shop", Subject.OWNED_PODS)
    assert workload.pull_secrets == ("regcred",)
    assert not workload.takes_account_secrets
    assert images(request) == [(image, True) for image in ALL]


def test_a_deployment(review: Review) -> None:
    request = read(review("deployment-create"))
    assert request.workload.subject is Subject.WORKLOADS
    assert request.workload.skip is None
    assert [image.field for image in request.workload.images] == [
        "spec.template.spec.containers[0].image",
        "spec.template.spec.containers[1].image",
        "spec.template.spec.initContainers[0].image",
    ]


def test_an_update_judges_the_container_that_changed(review: Review) -> None:
    request = read(review("deployment-update"))
    assert images(request) == [("ghcr.io/acme/api:1.5.0", True), (ALL[1], False), (ALL[2], False)]


@pytest.mark.parametrize(
    ("name", "resource", "skip"),
    [
        ("deployment-scale-up", "deployments", "nothing that rules the pull changed"),
        ("deployment-scale", "deployments/scale", "subresource 'scale'"),
        ("pod-delete", "pods", "operation DELETE"),
    ],
)
def test_nothing_to_judge(review: Review, name: str, resource: str, skip: str) -> None:
    request = read(review(name))
    assert (request.resource, request.workload.skip) == (resource, skip)


def test_an_ephemeral_container_only_warns(review: Review) -> None:
    request = read(review("pod-ephemeral"))
    assert request.resource == "pods/ephemeralcontainers"
    assert request.workload.skip is None
    assert images(request) == [(image, False) for image in [*ALL, "busybox:1.36"]]


def test_a_dry_run_is_told(review: Review) -> None:
    request = read(review("cronjob-create-dry-run"))
    assert request.dry_run
    assert request.workload.images[0].field == "spec.jobTemplate.spec.template.spec.containers[0].image"


def test_an_update_without_its_old_object_is_judged_whole(review: Review) -> None:
    body = review("deployment-update")
    del body["request"]["oldObject"]
    assert [judged for _, judged in images(read(body))] == [True, True, True]


def test_unknown_kinds_and_operations_of_known_ones(review: Review) -> None:
    body = review("pod-create")
    body["request"]["kind"] = {"group": "", "version": "v1", "kind": "Service"}
    assert read(body).workload.skip == "'Service' bears no pod"
    body = review("pod-create")
    body["request"]["operation"] = "CONNECT"
    assert read(body).workload.skip == "operation CONNECT"


def without(body: Any, *path: str) -> Any:
    node = body
    for step in path[:-1]:
        node = node[step]
    del node[path[-1]]
    return body


def with_(body: Any, value: object, *path: str | int) -> Any:
    node = body
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value
    return body


CONTAINERS = ("request", "object", "spec", "containers")

MALFORMED: list[tuple[str, Callable[[Any], Any], str, str]] = [
    ("no request", lambda b: without(b, "request"), "", "object missing required field request"),
    ("null request", lambda b: with_(b, None, "request"), "request", "expected object, got null"),
    ("no uid", lambda b: without(b, "request", "uid"), "request", "object missing required field uid"),
    ("empty uid", lambda b: with_(b, "", "request", "uid"), "request.uid", "expected a uid, got ''"),
    ("uid a number", lambda b: with_(b, 1, "request", "uid"), "request.uid", "expected str, got int"),
    ("no kind", lambda b: without(b, "request", "kind"), "request", "object missing required field kind"),
    (
        "no operation",
        lambda b: without(b, "request", "operation"),
        "request",
        "object missing required field operation",
    ),
    (
        "odd operation",
        lambda b: with_(b, "PATCH", "request", "operation"),
        "request.operation",
        "invalid enum value 'PATCH'",
    ),
    ("v1beta1", lambda b: with_(b, "admission.k8s.io/v1beta1", "apiVersion"), "apiVersion", "expected"),
    ("other kind", lambda b: with_(b, "ImageReview", "kind"), "kind", "expected 'AdmissionReview', got 'ImageReview'"),
    ("no object", lambda b: without(b, "request", "object"), "request.object", "expected object, got null"),
    ("null object", lambda b: with_(b, None, "request", "object"), "request.object", "expected object, got null"),
    ("object a list", lambda b: with_(b, [], "request", "object"), "request.object", "expected object, got array"),
    (
        "image a number",
        lambda b: with_(b, 5, *CONTAINERS, 0, "image"),
        "request.object.spec.containers[0].image",
        "expected str",
    ),
    (
        "containers a map",
        lambda b: with_(b, {}, *CONTAINERS),
        "request.object.spec.containers",
        "expected array, got object",
    ),
    (
        "container null",
        lambda b: with_(b, None, *CONTAINERS, 1),
        "request.object.spec.containers[1]",
        "expected object",
    ),
    ("review a list", lambda b: [b], "", "expected object, got array"),
]


@pytest.mark.parametrize(
    ("change", "path", "reason"), [row[1:] for row in MALFORMED], ids=[row[0] for row in MALFORMED]
)
def test_malformed(review: Review, change: Callable[[Any], Any], path: str, reason: str) -> None:
    with pytest.raises(MalformedReview) as caught:
        read(change(review("pod-create")))
    assert caught.value.path == path
    assert caught.value.reason.startswith(reason)


def test_a_malformed_old_object_is_told_as_such(review: Review) -> None:
    body = with_(review("deployment-update"), 1, "request", "oldObject", "spec", "template")
    with pytest.raises(MalformedReview, match=r"^request\.oldObject\.spec\.template: expected object, got int$"):
        read(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b'{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{}} trailing',
        b'{"request":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
        b'{"request":' + b'{"a":' * 200_000,
        b'{"apiVersion":"\\ud800"}',
        b"--not json--",
    ],
)
def test_bytes_that_are_no_review(body: bytes) -> None:
    with pytest.raises(MalformedReview):
        decode(body)


def test_what_is_wrong_is_told_in_few_words_however_long_it_is(review: Review) -> None:
    hostile = " - at `$" * 500_000
    with pytest.raises(MalformedReview) as caught:
        read(with_(review("pod-create"), hostile, "request", "operation"))
    assert caught.value.path == "request.operation"
    assert len(str(caught.value)) < 300


@given(st.binary(max_size=200))
def test_only_its_own_error_for_any_bytes(body: bytes) -> None:
    with contextlib.suppress(MalformedReview):
        decode(body)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def every_path(node: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    found = [path] if path else []
    if isinstance(node, dict):
        for key, value in node.items():
            found += every_path(value, (*path, key))
    if isinstance(node, list):
        for index, value in enumerate(node):
            found += every_path(value, (*path, index))
    return found


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), value=json_values)
@pytest.mark.parametrize("name", ["pod-create", "deployment-update", "cronjob-create-dry-run"])
def test_only_its_own_error_wherever_a_review_is_bent(
    review: Review, name: str, data: st.DataObject, value: object
) -> None:
    body = copy.deepcopy(review(name))
    with_(body, value, *data.draw(st.sampled_from(every_path(body))))
    with contextlib.suppress(MalformedReview):
        assert isinstance(read(body).workload, Workload)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(0, 5000), byte=st.integers(0, 255))
def test_only_its_own_error_wherever_a_byte_is_wrong(review: Review, position: int, byte: int) -> None:
    body = bytearray(json.dumps(review("pod-create")).encode())
    body[position % len(body)] = byte
    with contextlib.suppress(MalformedReview):
        decode(body)


REVIEWS = [file.stem for file in sorted((Path(__file__).parent / "reviews").glob("*.json"))]


@pytest.mark.parametrize("name", REVIEWS)
def test_a_guessed_kind_changes_nothing(review: Review, name: str) -> None:
    """An API server writes no spaces, which the guess goes by; with them the review is read the long way."""
    short, long = (json.dumps(review(name), separators=separators).encode() for separators in ((",", ":"), None))
    assert decode(short) == decode(long)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data(), value=json_values)
@pytest.mark.parametrize("name", ["pod-create", "deployment-update", "cronjob-create-dry-run"])
def test_nor_does_it_wherever_a_review_is_bent(review: Review, name: str, data: st.DataObject, value: object) -> None:
    body = copy.deepcopy(review(name))
    with_(body, value, *data.draw(st.sampled_from(every_path(body))))
    told: list[object] = []
    for separators in ((",", ":"), None):
        try:
            told.append(decode(json.dumps(body, separators=separators).encode()))
        except MalformedReview as error:
            told.append((error.path, error.reason.partition(" (byte ")[0]))
    assert told[0] == told[1]


def test_allowed_without_a_word() -> None:
    for uid in ('a"b\\', "\u2028é"):
        assert json.loads(encode_allowed(uid)) == {
            "apiVersion": "admission.k8s.io/v1",
            "kind": "AdmissionReview",
            "response": {"uid": uid, "allowed": True},
        }
    nothing = Verdict(workload=Workload(kind="Pod", namespace="", name=""))
    assert encode("u", nothing) == encode_allowed("u")


def test_denied(
    judged: Callable[..., Judged], finding: Callable[..., Finding], verdict: Callable[..., Verdict]
) -> None:
    bad = judged("api", "ghcr.io/acme/api:1.4.2"), finding("image-not-found")
    latest = judged("web", "nginx:latest"), finding("latest-tag", "warn", brief=" uses a mutable tag")
    response = json.loads(encode("u1", verdict(bad, latest, denied=1)))["response"]
    assert response.pop("status") == {
        "code": 403,
        "reason": "Forbidden",
        "message": '1 of 2 images cannot be pulled in namespace "shop" (pullproof enforce=baseline):\n'
        '- container "api": ghcr.io/acme/api:1.4.2: tag not found. [image-not-found]\n'
        "Fix: push the tag, or use 1.4.1",
    }
    findings = json.loads(response["auditAnnotations"].pop("findings"))
    assert [found["code"] for found in findings] == ["image-not-found", "latest-tag"]
    assert response == {
        "uid": "u1",
        "allowed": False,
        "warnings": ['container "web": nginx:latest uses a mutable tag [latest-tag]'],
        "auditAnnotations": {"decision": "denied"},
    }


def test_warned(
    judged: Callable[..., Judged], finding: Callable[..., Finding], verdict: Callable[..., Verdict]
) -> None:
    pair = judged("api", "ghcr.io/acme/api:1.4.2"), finding("image-not-found")
    response = json.loads(encode("u1", verdict(pair)))["response"]
    assert response["allowed"] is True
    assert "status" not in response
    assert response["warnings"] == ['container "api": ghcr.io/acme/api:1.4.2 not found in registry [image-not-found]']
    assert response["auditAnnotations"]["decision"] == "warned"


def test_break_glass_is_kept_in_the_audit_log(verdict: Callable[..., Verdict]) -> None:
    response = json.loads(encode("u1", verdict(break_glass=True)))["response"]
    assert response["allowed"] is True
    assert response["auditAnnotations"] == {"decision": "break-glass", "findings": "[]"}


def test_out_of_time_allows_and_says_so(review: Review) -> None:
    response = json.loads(encode_unverified(read(review("pod-create"))))["response"]
    assert response["allowed"] is True
    assert response["warnings"] == ["out of time; 3 images not verified [not-verified]"]
