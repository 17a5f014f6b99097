"""Credentials in headers."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.images.registry_auth import Credentials, decode, decode_leniently, from_document
from proto.errdefs import InvalidArgument


def header(document: object, *, padding: bool = True) -> str:
    text = base64.urlsafe_b64encode(json.dumps(document).encode()).decode()
    return text if padding else text.rstrip("=")


@pytest.mark.parametrize("padding", [True, False])
def test_name_and_password_are_read(padding: bool) -> None:
    text = header({"username": "u", "password": "p?>", "serveraddress": "r.io"}, padding=padding)
    assert decode(text) == Credentials("u", "p?>", server="r.io")


def test_the_older_auth_field_holds_both() -> None:
    assert decode(header({"auth": base64.b64encode(b"u:p:q").decode()})) == Credentials("u", "p:q")


def test_tokens_are_credentials_too() -> None:
    assert decode(header({"identitytoken": "t"}))
    assert decode(header({"registrytoken": "t"})).registry_token == "t"


def test_what_the_cli_sends_without_credentials_is_none() -> None:
    assert not decode(header({"username": "", "password": "", "auth": ""}))
    assert not decode("")
    assert not decode(base64.urlsafe_b64encode(b"").decode())


@pytest.mark.parametrize("text", ["!", "e30x", header([]), header("x"), header({"auth": "!!!"})])
def test_nonsense_is_refused_or_for_a_pull_ignored(text: str) -> None:
    with pytest.raises(InvalidArgument, match="invalid X-Registry-Auth header"):
        decode(text)
    assert not decode_leniently(text)


def test_the_login_body_may_write_its_keys_in_capitals() -> None:
    assert from_document({"Username": "u", "Password": "p"}) == Credentials("u", "p")


@given(st.text(max_size=40))
def test_any_header_is_read_or_refused(text: str) -> None:
    assert isinstance(decode_leniently(text), Credentials)
