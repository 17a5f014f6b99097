"""Hashing by a digest's algorithm, and digests taken apart only after they were checked.

A digest comes from a peer and ends in a path, so nothing here returns a digest that has not matched its grammar to
the letter (`sha256:../../x`, upper case and wrong lengths are refused). Messages are those of go-digest, which
containerd's clients print.
"""

import hashlib
from typing import Protocol

from proto.errdefs import InvalidArgument
from supervisor.core.digests import digest_problem


class Hash(Protocol):
    """The part of a hashlib object that is used."""

    def update(self, data: bytes | bytearray | memoryview, /) -> None: ...

    def hexdigest(self) -> str: ...


def split_digest(digest: str) -> tuple[str, str]:
    """Split a valid digest into algorithm and hex; both are safe as file names."""
    problem = digest_problem(digest)
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
