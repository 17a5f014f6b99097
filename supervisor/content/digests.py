"""Digests: `algorithm:hex`, checked before anything is made of them.

A digest comes from a peer and ends in a path, so nothing here returns a digest that has not matched its grammar to
the letter (`sha256:../../x`, upper case and wrong lengths are refused). Messages are those of go-digest, which
containerd's clients print.
"""

import hashlib
import re
from typing import Protocol

from proto.errdefs import InvalidArgument

HEX_LENGTHS = {"sha256": 64, "sha384": 96, "sha512": 128}

_ANY_DIGEST = re.compile(r"[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+\Z")
_LOWER_HEX = re.compile(r"[a-f0-9]+\Z")


class Hash(Protocol):
    """The part of a hashlib object that is used."""

    def update(self, data: bytes | bytearray | memoryview, /) -> None: ...

    def hexdigest(self) -> str: ...


def problem_of(digest: str) -> str | None:
    """Say what is wrong with a digest, in go-digest's words; None for a good one."""
    algorithm, colon, encoded = digest.partition(":")
    if not colon or not algorithm or not encoded:
        return "invalid checksum digest format"
    length = HEX_LENGTHS.get(algorithm)
    if length is None:
        return "unsupported digest algorithm" if _ANY_DIGEST.match(digest) else "invalid checksum digest format"
    if len(encoded) != length:
        return "invalid checksum digest length"
    return None if _LOWER_HEX.match(encoded) else "invalid checksum digest format"


def split_digest(digest: str) -> tuple[str, str]:
    """Split a valid digest into algorithm and hex; both are safe as file names."""
    problem = problem_of(digest)
    if problem is not None:
        raise InvalidArgument(f"{problem}: {digest!r}: invalid argument")
    algorithm, _, encoded = digest.partition(":")
    return algorithm, encoded


def algorithm_of(digest: str, default: str = "sha256") -> str:
    """The algorithm of a digest; the default for an empty one."""
    return split_digest(digest)[0] if digest else default


def new_hash(algorithm: str) -> Hash:
    """A hash object; one of the registered algorithms only."""
    return hashlib.new(algorithm)


def digest_of(data: bytes, algorithm: str = "sha256") -> str:
    """The digest of some bytes."""
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"
