import base64
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.credentials.authfield import InvalidAuth, decode_auth


@pytest.mark.vectors("keyring", "auth_field")
def test_auth_field(case):
    if not case["valid"]:
        with pytest.raises(InvalidAuth) as caught:
            decode_auth(case["auth"])
        assert str(caught.value) == case["error"]
        return
    assert decode_auth(case["auth"]) == (case["username"], case["password"])


@pytest.mark.vectors("go", "auth_fields")
def test_as_go_answers(case):
    if "error" in case:
        with pytest.raises(InvalidAuth) as caught:
            decode_auth(case["auth"])
        assert str(caught.value) == case["error"]
        return
    found = [text.encode("utf-8", "surrogateescape") for text in decode_auth(case["auth"])]
    assert found == [base64.b64decode(case["username"]), base64.b64decode(case["password"])]


@pytest.mark.parametrize(
    ("field", "error"),
    [
        ("dXNlcjpwYXNzd29yZA=\n=", None),
        ("dXNlcjpwYXNzd29yZA\r=\n=\r\n", None),
        ("dXNlcjpwYXNzd29yZA==x", "illegal base64 data at input byte 18"),  # ends with no "=": unpadded, so "=" is bad
        ("dXNlcjpwYXNzd29yZA== =", "illegal base64 data at input byte 20"),
        ("dXNlcjpwYXNzd29yZA=x=", "illegal base64 data at input byte 18"),
        ("dXNlcjpwYXNzd2=", "illegal base64 data at input byte 15"),
        ("dXNlcjpw=", "illegal base64 data at input byte 8"),
        ("dXNlcjpwY", "illegal base64 data at input byte 8"),
        ("dXNl-jpw", "illegal base64 data at input byte 4"),
        ("é", "illegal base64 data at input byte 0"),
        ("OnBhc3M", None),
    ],
)
def test_padding_and_line_ends(field, error):
    if error is None:
        decode_auth(field)
        return
    with pytest.raises(InvalidAuth) as caught:
        decode_auth(field)
    assert str(caught.value) == error


@given(st.text().filter(lambda user: ":" not in user), st.text(), st.booleans())
def test_reads_back_what_was_written(user, password, padded):
    field = base64.b64encode(f"{user}:{password}".encode("utf-8", "replace")).decode()
    given_user, given_password = decode_auth(field if padded else field.rstrip("="))
    assert f"{given_user}:{given_password}".encode("utf-8", "surrogateescape") == base64.b64decode(field)


@given(st.binary(max_size=20))
def test_bytes_that_are_no_text_are_kept(raw):
    user, password = decode_auth(base64.b64encode(b":" + raw).decode())
    assert (user, password.encode("utf-8", "surrogateescape")) == ("", raw)


@given(st.text(alphabet="dXNlcjpwYXNz=\r\n -_\t+/é\ud800", max_size=16))
def test_only_its_own_error(field):
    with suppress(InvalidAuth):
        decode_auth(field)
