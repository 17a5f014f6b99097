import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.diff.tar_entry import BadArchive, check_sparse, decode_header, decode_pax, number, pax_time
from tests.raw_tar import Member, record


def test_numbers_are_octal_or_binary() -> None:
    assert number(b"0000755\0") == 0o755
    assert number(b"   755 \0") == 0o755
    assert number(b"\x80\0\0\0\0\0\0\0\0\0\1\0") == 256
    assert number(b"\xff" * 12) == -1
    assert number(b"\0" * 8) == 0


def test_letters_are_no_number() -> None:
    with pytest.raises(BadArchive):
        number(b"12x\0")


def test_a_wrong_checksum_is_an_invalid_header() -> None:
    block = Member(bad_checksum=True).encode()[:512]
    with pytest.raises(BadArchive, match="archive/tar: invalid tar header"):
        decode_header(block)


def test_the_ustar_prefix_is_part_of_the_name() -> None:
    assert decode_header(Member(b"name", fields={345: b"folder"}).encode()[:512]).name == b"folder/name"


def test_a_header_of_pythons_own_archiver_is_read() -> None:
    info = tarfile.TarInfo("etc/passwd")
    info.size, info.mode, info.uid, info.mtime = 7, 0o640, 12, 99
    entry = decode_header(info.tobuf(tarfile.USTAR_FORMAT))
    assert (entry.name, entry.size, entry.mode, entry.uid, entry.mtime_ns) == (b"etc/passwd", 7, 0o640, 12, 99 * 10**9)


@given(st.lists(st.tuples(st.text("abc.", min_size=1), st.binary(max_size=300)), max_size=5))
def test_records_come_back_as_they_were_written(records: list[tuple[str, bytes]]) -> None:
    data = b"".join(record(key, value) for key, value in records)
    assert decode_pax(data) == [(key.encode(), value) for key, value in records]


@given(st.binary(max_size=200))
def test_junk_is_an_invalid_header_and_nothing_worse(data: bytes) -> None:
    try:
        decode_pax(data)
    except BadArchive:
        pass


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [(b"1", 10**9), (b"1.5", 1_500_000_000), (b"1.123456789999", 1_123_456_789), (b"-1.5", -1_500_000_000)],
)
def test_times_are_exact_to_the_nanosecond(text: bytes, nanoseconds: int) -> None:
    assert pax_time(text) == nanoseconds


def test_extents_that_overlap_or_leave_the_file_are_refused() -> None:
    assert check_sparse([(0, 5), (10, 5)], 15) == [(0, 5), (10, 5)]
    for extents in ([(0, 5), (4, 5)], [(10, 6)], [(0, -1)]):
        with pytest.raises(BadArchive):
            check_sparse(extents, 15)
