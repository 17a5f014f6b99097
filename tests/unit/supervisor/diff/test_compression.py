import gzip
import threading
from collections.abc import Iterator

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from proto.errdefs import Fault, Unimplemented
from supervisor.diff.compression import BadStream, ReadAhead, compression_of, compressor, decompress, detect


def joined(*chunks: bytes) -> bytes:
    return b"".join(decompress(iter(chunks)))


@pytest.mark.parametrize(
    ("media_type", "kind"),
    [
        ("application/vnd.oci.image.layer.v1.tar", ""),
        ("application/vnd.oci.image.layer.v1.tar+gzip", "gzip"),
        ("application/vnd.oci.image.layer.v1.tar+zstd", "zstd"),
        ("application/vnd.docker.image.rootfs.diff.tar", "unknown"),
        ("application/vnd.docker.image.rootfs.diff.tar.gzip", "gzip"),
        ("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "gzip"),
    ],
)
def test_a_media_type_says_how_a_layer_is_compressed(media_type: str, kind: str) -> None:
    assert compression_of(media_type) == kind


def test_a_type_that_is_no_layer_has_no_processor() -> None:
    with pytest.raises(Unimplemented, match="no processor for media-type"):
        compression_of("application/vnd.oci.image.config.v1+json")


@given(st.binary(max_size=5000), st.integers(1, 700))
def test_what_was_compressed_comes_back_whatever_the_pieces(data: bytes, piece: int) -> None:
    for kind in ("gzip", "zstd", "" if not detect(data) else "gzip"):
        out: list[bytes] = []
        squeezed = compressor(kind, out.append)
        squeezed.write(data)
        squeezed.close()
        packed = b"".join(out)
        assert joined(*(packed[at : at + piece] for at in range(0, len(packed), piece))) == data


def test_several_members_are_one_stream() -> None:
    assert joined(gzip.compress(b"one") + gzip.compress(b"two")) == b"onetwo"
    frames = zstandard.compress(b"one") + zstandard.compress(b"two")
    assert joined(frames) == b"onetwo"


def test_the_same_layer_gives_the_same_gzip() -> None:
    first: list[bytes] = []
    second: list[bytes] = []
    for out in (first, second):
        squeezed = compressor("gzip", out.append)
        squeezed.write(b"layer")
        squeezed.close()
    assert first == second
    assert gzip.decompress(b"".join(first)) == b"layer"


def test_a_stream_that_breaks_off_is_an_unexpected_end() -> None:
    with pytest.raises(BadStream, match="unexpected EOF"):
        joined(gzip.compress(b"x" * 10_000)[:-12])


def test_damage_is_noticed() -> None:
    packed = bytearray(gzip.compress(bytes(range(256)) * 40))
    packed[-6] ^= 0xFF
    with pytest.raises(Fault):
        joined(bytes(packed))
    with pytest.raises(Fault):
        joined(b"\x28\xb5\x2f\xfd" + b"junk" * 10)


def test_first_bytes_tell_the_kind() -> None:
    assert [detect(head) for head in (b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"ustar", b"")] == ["gzip", "zstd", "", ""]


def test_reading_ahead_gives_everything_in_order() -> None:
    with ReadAhead(iter([b"a", b"b", b"c"])) as ahead:
        assert list(ahead) == [b"a", b"b", b"c"]


def test_a_failure_in_the_thread_comes_out_where_it_is_read() -> None:
    def broken() -> Iterator[bytes]:
        yield b"a"
        raise BadStream("gzip: broken")

    with ReadAhead(broken()) as ahead, pytest.raises(BadStream, match="broken"):
        list(ahead)


def test_a_reader_that_leaves_early_leaves_no_thread() -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b"x"

    before = threading.active_count()
    with ReadAhead(endless()) as ahead:
        assert next(iter(ahead)) == b"x"
    assert threading.active_count() == before
