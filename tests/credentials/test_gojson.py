import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.credentials.gojson import NotJSON, Object, TooDeep, decode, text_of

MIB = 1 << 20


def fields(body, *names):
    value = decode(body)
    assert isinstance(value, Object)
    return list(value.fields(frozenset(names)))


@pytest.mark.parametrize("name", ["auths", "AUTHS", "Auths", "auth\u017f", "AUTH\u017f"])
def test_names_fold_as_in_go(name):
    assert fields(json.dumps({name: True}).encode(), "auths") == [("auths", True)]


def test_kelvin_sign_is_a_k():
    assert fields('{"to\u212aen": true}'.encode(), "token") == [("token", True)]


@pytest.mark.parametrize("name", ["paßword", "pas\u0308sword", "passwort", "password ", "\uff50assword"])
def test_names_that_only_look_alike(name):
    assert fields(json.dumps({name: True}).encode(), "password") == []


def test_repeated_names_are_kept_in_order():
    assert fields(b'{"a":1,"b":"x","A":null,"a":"y"}', "a") == [("a", 1), ("a", None), ("a", "y")]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'"\xff"', "\ufffd"),
        (b'"\xe2\x82"', "\ufffd\ufffd"),  # one for each byte, as Go does
        (b'"\xed\xa0\x80"', "\ufffd\ufffd\ufffd"),
        (rb'"\ud800"', "\ufffd"),
        (rb'"\ud800\ud83d\ude00"', "\ufffd\U0001f600"),
        (rb'"\udc00\ud800"', "\ufffd\ufffd"),
    ],
)
def test_what_is_no_text_is_replaced(body, text):
    value = decode(body)
    assert isinstance(value, str)
    assert text_of(value) == text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"nul",
        b"{}x",
        b"{} {}",
        b"\xef\xbb\xbf{}",
        b"\xff\xfe{\x00}\x00",
        b"NaN",
        b"-Infinity",
        b"01",
        b"1.",
        b"-",
        b"+1",
        b"'a'",
        b'"\x01"',
        b'"\\x41"',
        b'"a',
        b"[1,]",
        b'{"a":1,}',
        b"{1:2}",
        b"\xff",
        b"\x0b{}",
        b"[" * 10_001 + b"]" * 10_001,
    ],
)
def test_no_json(body):
    with pytest.raises(NotJSON, match="not JSON"):
        decode(body)


@pytest.mark.parametrize("body", [b"9" * 5000, b"-0", b"1e999", b"1" + b"0" * 400 + b".5"])
def test_numbers_of_any_length(body):
    assert isinstance(decode(body), int)


def test_deeper_than_followed_here():
    with pytest.raises(TooDeep, match="nested 10000 levels deep"):
        decode(b"[" * 10_000 + b"]" * 10_000)


def test_brackets_in_texts_do_not_nest():
    with pytest.raises(TooDeep, match="nested 5000 levels deep"):
        decode(b"[" * 4_999 + b'["[[[[\\"[[["]' + b"]" * 4_999)


def test_error_quotes_nothing():
    with pytest.raises(NotJSON) as caught:
        decode(b'{"auths": {"x": {"password": "hunter2"}')
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


@given(
    st.recursive(
        st.none() | st.booleans() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_reads_what_others_write(value):
    def plain(decoded):
        if isinstance(decoded, Object):
            return {key: plain(member) for key, member in decoded}
        return [plain(member) for member in decoded] if isinstance(decoded, list) else decoded

    assert plain(decode(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))) == json.loads(
        json.dumps(value)
    )


@given(st.binary(max_size=60))
def test_only_its_own_errors(body):
    with suppress(NotJSON, TooDeep):
        decode(body)


def test_hostile_bytes_are_read_in_linear_time():
    hostile = [
        b"[" * MIB,
        b'{"a":' * (MIB // 5),
        b"[" + b"1," * (MIB // 2) + b"1]",
        b"[" + b"{}," * (MIB // 3) + b"{}]",
        b'"' + b"\\u0041" * (MIB // 6) + b'"',
        b"\xff" * MIB,
        b'"' + b"\xff" * MIB + b'"',
        b"9" * MIB,
        b"{" + b'"a":1,' * (MIB // 6) + b'"a":1}',
        b'"\\' * (MIB // 2),
        b" " * MIB,
        b"[" * 5000 + b'"' + b"\\" * MIB,
        b"[" * 9000 + b"[]," * (MIB // 3),
    ]
    for body in hostile:
        with suppress(NotJSON, TooDeep):
            decode(body)
