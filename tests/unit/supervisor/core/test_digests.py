"""Digests."""

import pytest

from supervisor.core.digests import Descriptor, digest_problem


@pytest.mark.parametrize("digest", ["sha256:" + "0a" * 32, "sha384:" + "0" * 96, "sha512:" + "f" * 128])
def test_a_digest_of_a_known_algorithm_is_one(digest: str) -> None:
    """Lower-case hex of the right length."""
    assert digest_problem(digest) is None


@pytest.mark.parametrize(
    ("digest", "problem"),
    [
        ("", "invalid checksum digest format"),
        ("sha256", "invalid checksum digest format"),
        ("sha256:", "invalid checksum digest format"),
        ("sha256:../../etc/passwd", "invalid checksum digest format"),
        ("sha256:" + "A" * 64, "invalid checksum digest format"),
        ("sha256:" + "a" * 64 + "\n", "invalid checksum digest format"),
        ("sha256:" + "a" * 63, "invalid checksum digest length"),
        ("md5:" + "a" * 32, "unsupported digest algorithm"),
    ],
)
def test_what_is_no_digest_says_why(digest: str, problem: str) -> None:
    """In the words of Go's library."""
    assert digest_problem(digest) == problem


def test_a_descriptor_is_empty_by_default() -> None:
    """No annotations are shared between two."""
    assert Descriptor().annotations is not Descriptor().annotations
