import hashlib

import pytest

from proto.errdefs import InvalidArgument
from supervisor.content.digests import algorithm_of, digest_of, new_hash, split_digest

GOOD = "sha256:" + "a" * 64


def test_a_good_digest_is_taken_apart() -> None:
    assert split_digest(GOOD) == ("sha256", "a" * 64)
    assert algorithm_of("sha512:" + "b" * 128) == "sha512"
    assert algorithm_of("") == "sha256"


@pytest.mark.parametrize(
    ("digest", "words"),
    [
        ("sha256:../../etc/passwd", "invalid checksum digest"),
        ("sha256:" + "A" * 64, "invalid checksum digest format"),
        ("sha256:" + "a" * 63, "invalid checksum digest length"),
        ("sha256:" + "a" * 64 + "\n", "invalid checksum digest"),
        ("md5:" + "a" * 32, "unsupported digest algorithm"),
        ("a" * 64, "invalid checksum digest format"),
        ("", "invalid checksum digest format"),
    ],
)
def test_what_is_no_digest_never_becomes_a_path(digest: str, words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        split_digest(digest)


def test_hashes_are_those_of_the_algorithm() -> None:
    hashed = new_hash("sha512")
    hashed.update(b"x")
    assert hashed.hexdigest() == hashlib.sha512(b"x").hexdigest()
    assert digest_of(b"x") == "sha256:" + hashlib.sha256(b"x").hexdigest()
