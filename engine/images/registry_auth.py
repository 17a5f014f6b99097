"""Credentials for registries, as clients send them along with a request. Pure.

`X-Registry-Auth` is base64url of a JSON object; docker CLI sends one with empty fields when it knows no credentials,
and some clients leave the padding off.
"""

import base64
import binascii
from dataclasses import dataclass

from engine import jsontext
from proto.errdefs import InvalidArgument

HEADER = "X-Registry-Auth"
OFFICIAL_INDEX = "https://index.docker.io/v1/"


@dataclass(frozen=True, slots=True)
class Credentials:
    """One way to prove who is asking."""

    username: str = ""
    password: str = ""
    identity_token: str = ""
    registry_token: str = ""
    server: str = ""

    def __bool__(self) -> bool:
        return bool(self.username or self.identity_token or self.registry_token)


def decode(header: str) -> Credentials:
    """Read the header; raises InvalidArgument on anything that is not what clients send."""
    if not header:
        return Credentials()
    try:
        text = base64.b64decode(header.replace("-", "+").replace("_", "/") + "=" * (-len(header) % 4), validate=True)
        document = jsontext.loads(text or b"{}")
    except (binascii.Error, ValueError) as error:
        raise InvalidArgument(f"invalid X-Registry-Auth header: {error}") from error
    return from_document(document)


def decode_leniently(header: str) -> Credentials:
    """Read the header as a pull does: one that cannot be read is no credentials."""
    try:
        return decode(header)
    except InvalidArgument:
        return Credentials()


def from_document(document: object) -> Credentials:
    """Read the JSON object, as `POST /auth` has it for a body."""
    if not isinstance(document, dict):
        raise InvalidArgument("invalid X-Registry-Auth header: not a JSON object")
    known = {key.lower(): value for key, value in document.items() if isinstance(value, str)}
    username, password = known.get("username", ""), known.get("password", "")
    if not username and known.get("auth"):
        try:
            username, _, password = base64.b64decode(known["auth"], validate=True).decode().partition(":")
        except (binascii.Error, ValueError) as error:
            raise InvalidArgument(f"invalid X-Registry-Auth header: auth: {error}") from error
    return Credentials(
        username,
        password,
        known.get("identitytoken", ""),
        known.get("registrytoken", ""),
        known.get("serveraddress", ""),
    )
