import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proto.errdefs import Fault
from supervisor.diff.tar_entry import BadArchive
from supervisor.diff.tar_reader import TarReader
from tests.raw_tar import END, Member, archive, file


def read(data: bytes, piece: int = 1 << 20) -> list[tuple[bytes, bytes]]:
    reader = TarReader(iter([data[at : at + piece] for at in range(0, len(data), piece)]))
    return [(entry.name, b"".join(map(bytes, reader.data()))) for entry in reader.entries()]


def test_what_is_not_read_is_skipped() -> None:
    reader = TarReader(iter([archive(file("a", b"x" * 1000), file("b"))]))
    assert [entry.name for entry in reader.entries()] == [b"a", b"b"]


@pytest.mark.parametrize("piece", [1, 7, 511, 512, 513, 4096])
def test_the_size_of_the_pieces_does_not_matter(piece: int) -> None:
    data = archive(file("a", b"x" * 700), file("b", b""))
    assert read(data, piece) == [(b"a", b"x" * 700), (b"b", b"")]


@pytest.mark.parametrize("kind", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_long_names_of_both_dialects_are_read(kind: int) -> None:
    buffer = io.BytesIO()
    name = "n" * 90 + "/" + "m" * 150
    with tarfile.open(fileobj=buffer, mode="w", format=kind) as tar:
        info = tarfile.TarInfo(name)
        info.size = 3
        tar.addfile(info, io.BytesIO(b"abc"))
    assert read(buffer.getvalue()) == [(name.encode(), b"abc")]


def test_an_extended_header_overrides_and_is_forgotten_after_its_entry() -> None:
    data = archive(Member(b"x", pax={"path": b"long", "uid": b"3000000000", "SCHILY.xattr.user.a": b"\0b"}), file("y"))
    reader = TarReader(iter([data]))
    first, second = reader.entries()
    assert (first.name, first.uid, first.xattrs) == (b"long", 3_000_000_000, {b"user.a": b"\0b"})
    assert (second.name, second.xattrs) == (b"y", {})


def test_sparse_files_keep_their_map() -> None:
    pax = {"GNU.sparse.map": b"1,2,5,3", "GNU.sparse.size": b"10", "GNU.sparse.numblocks": b"2"}
    (entry,) = TarReader(iter([archive(Member(b"s", data=b"abcde", pax=pax))])).entries()
    assert (entry.size, entry.stored, entry.sparse) == (10, 5, [(1, 2), (5, 3)])


def test_an_archive_that_breaks_off_is_an_unexpected_end() -> None:
    data = file("a", b"x" * 1000).encode()
    with pytest.raises(BadArchive, match="unexpected EOF"):
        read(data[:700])
    with pytest.raises(BadArchive, match="unexpected EOF"):
        read(data[:100])


def test_an_archive_without_its_end_marker_is_fine() -> None:
    assert read(file("a").encode()) == [(b"a", b"data")]


def test_a_lone_block_of_zeros_before_more_is_refused() -> None:
    with pytest.raises(BadArchive):
        read(bytes(512) + file("a").encode() + END)


@given(st.binary(max_size=2048))
def test_random_bytes_give_a_fault_or_entries(data: bytes) -> None:
    try:
        read(data)
    except Fault:
        pass


@given(st.integers(0, 2000), st.binary(min_size=1, max_size=4))
def test_a_damaged_archive_gives_a_fault_or_entries(at: int, damage: bytes) -> None:
    data = bytearray(archive(Member(b"x", pax={"path": b"y"}, data=b"z" * 600), file("w")))
    data[at : at + len(damage)] = damage
    try:
        read(bytes(data))
    except Fault:
        pass
