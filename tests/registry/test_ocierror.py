"""Error bodies, read and printed as containerd prints them."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.registry.ocierror import as_containerd_prints, clean, decode, explain


@pytest.mark.vectors("error_classes", "oci_error_codes", "codes")
def test_every_code_is_read(case: dict[str, Any]) -> None:
    (error,) = decode(f'{{"errors":[{{"code":"{case["code"]}","message":"{case["message"]}"}}]}}'.encode())
    assert (error.code, error.message, error.detailed) == (case["code"], case["message"], False)


@pytest.mark.vectors("error_classes", "containerd_error_codes", "codes")
def test_known_codes_print_alone(case: dict[str, Any]) -> None:
    body = f'{{"errors":[{{"code":"{case["code"]}","message":"{case["message"]}"}}]}}'.encode()
    assert as_containerd_prints(decode(body)) == case["code"].lower()


@pytest.mark.parametrize(
    ("body", "printed"),
    [
        ('{"errors":[{"code":"DENIED","message":"x"}]}', "denied: x"),
        ('{"errors":[{"code":"MANIFEST_UNKNOWN","message":"gone"}]}', "unknown: gone"),
        ('{"errors":[{"code":"DENIED"},{"code":"UNAUTHORIZED","message":"y"}]}', "errors:\ndenied\nunauthorized: y\n"),
        ('{"errors":[]}', ""),
        ("{}", ""),
        ("", ""),
    ],
)
def test_printed(body: str, printed: str) -> None:
    assert as_containerd_prints(decode(body.encode())) == printed


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"errors":[{"code":"DENIED","message":"no"},{"code":"X"}]}', "DENIED: no; X"),
        (b'{"details":"incorrect username or password"}', "incorrect username or password"),
        (b'{"error":"invalid_grant","error_description":"expired"}', "expired"),
        (b'{"error":"invalid_grant"}', "invalid_grant"),
        (b'{"message":"gone"}', "gone"),
        (b'{"errors":[{"code":"DENIED","message":"gesch\xfctzt"}]}', "DENIED: gesch\u00fctzt"),
        (b'{"errors":"no"}', ""),
        (b"<html>", ""),
    ],
)
def test_explained(body: bytes, said: str) -> None:
    assert explain(body) == said


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("a\x1b[31mb\r\nc\x00", "a [31mb c"),
        ("a\u202eb\u200bc\ufeff", "a b c"),
        ("  a \t b  ", "a b"),
        ("x" * 300, "x" * 199 + "\u2026"),
        ("\ud800", ""),
    ],
)
def test_cleaned(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@given(st.binary() | st.from_regex(rb'\A\{"errors":\[.*\]\}\Z'))
def test_nothing_raises_and_everything_prints(body: bytes) -> None:
    text = explain(body)
    assert text.isprintable()
    assert len(text) <= 200
    assert all(error.message.isprintable() for error in decode(body))


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 1_000_000,
        b'{"errors":' + b'[{"errors":' * 90_000,
        b'{"errors":[' + b'{"code":"X"},' * 70_000 + b"{}]}",
        b'{"message":"' + b"x" * 1_000_000 + b'"}',
    ],
    ids=["deep", "deep errors", "many", "long"],
)
def test_hostile_bodies_cost_little(body: bytes) -> None:
    began = time.process_time()
    explain(body)
    assert time.process_time() - began < 1
