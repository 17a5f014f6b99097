"""A hash beside its caller's other work."""

import hashlib
import os
import threading

import pytest

from supervisor.content.hashing import BesideHash


def _thread_names() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "hash"]


@pytest.mark.parametrize("sizes", [[10], [1 << 20] * 9, [5 << 20, 1, 200 << 10, 3], [4096] * 2000])
def test_the_digest_is_that_of_all_bytes_in_their_order(sizes: list[int]) -> None:
    beside, plain = BesideHash(hashlib.sha256()), hashlib.sha256()
    for size in sizes:
        data = os.urandom(size)
        beside.update(data)
        plain.update(data)
    assert beside.hexdigest() == plain.hexdigest()
    beside.close()


def test_more_may_follow_a_digest() -> None:
    beside, plain = BesideHash(hashlib.sha256()), hashlib.sha256()
    for _ in range(12):
        data = os.urandom(1 << 20)
        beside.update(data)
        plain.update(data)
        assert beside.hexdigest() == plain.hexdigest()
    beside.close()


def test_little_needs_no_thread_and_closing_ends_the_one_that_much_needs() -> None:
    before = len(_thread_names())
    beside = BesideHash(hashlib.sha256())
    beside.update(bytes(1 << 20))
    assert len(_thread_names()) == before
    beside.update(bytes(8 << 20))
    assert len(_thread_names()) == before + 1
    beside.close()
    beside.close()
    assert len(_thread_names()) == before
