"""Small writes put together."""

from supervisor.diff.gathering import Gathered


def test_small_writes_come_as_one_and_in_their_order() -> None:
    given: list[bytes] = []
    gathered = Gathered(given.append)
    for part in (b"a", b"", b"bc"):
        gathered.write(part)
    assert given == []
    gathered.flush()
    gathered.flush()
    assert given == [b"abc"]


def test_what_is_large_does_not_wait() -> None:
    given: list[bytes] = []
    gathered = Gathered(given.append)
    large = bytes(1 << 20)
    gathered.write(b"head")
    gathered.write(large)
    gathered.write(large)
    gathered.flush()
    assert given == [b"head" + large, large]
