"""xz and bzip2 are undone, everything else passes."""

import bz2
import gzip
import lzma
from collections.abc import AsyncIterator

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from engine.images.decompress import decompressed
from proto.errdefs import InvalidArgument


async def pieces(data: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def through(data: bytes, size: int = 3, *, whole: bool = False) -> bytes:
    return b"".join([piece async for piece in decompressed(pieces(data, size), whole=whole)])


@pytest.mark.parametrize("compress", [bz2.compress, lzma.compress])
async def test_what_docker_compresses_and_containerd_does_not_read_is_decompressed(compress) -> None:
    assert await through(compress(b"archive" * 1000), 100) == b"archive" * 1000


async def test_gzip_is_left_to_the_supervisor() -> None:
    data = gzip.compress(b"x" * 100)
    assert await through(data) == data


@given(st.binary(max_size=64), st.integers(1, 9))
async def test_other_bytes_pass_unchanged_however_they_are_cut(data: bytes, size: int) -> None:
    if not data.startswith((b"BZh", b"\xfd7zXZ")):
        assert await through(data, size) == data


@pytest.mark.parametrize("compress", [bz2.compress, lzma.compress])
async def test_a_truncated_archive_is_said_to_be_one(compress) -> None:
    with pytest.raises(InvalidArgument, match="unexpected EOF"):
        await through(compress(b"archive" * 1000)[:-8], 50)


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress, bz2.compress, lzma.compress, bytes])
@pytest.mark.parametrize("size", [1, 100, 1 << 20])
async def test_for_an_import_everything_is_decompressed_however_it_is_cut(compress, size: int) -> None:
    data = b"archive" * 500
    assert await through(compress(data), size, whole=True) == data
    if compress is not zstandard.compress:
        assert await through(compress(data) + compress(b"more"), size, whole=True) == data + b"more"


@pytest.mark.parametrize(
    "broken", [gzip.compress(b"x" * 999)[:-4], b"\x1f\x8b" + b"x" * 50, b"\x28\xb5\x2f\xfd" + b"x" * 50]
)
async def test_for_an_import_a_broken_archive_is_refused(broken: bytes) -> None:
    with pytest.raises(InvalidArgument):
        await through(broken, 7, whole=True)


async def test_a_broken_archive_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="invalid compressed archive"):
        await through(b"BZh9" + b"\0" * 100, 50)


async def test_a_bomb_comes_out_in_small_pieces() -> None:
    async for piece in decompressed(pieces(bz2.compress(bytes(8 << 20)), 1 << 20)):
        assert len(piece) <= 1 << 20
