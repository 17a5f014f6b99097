import io
import tarfile

import pytest

from supervisor.diff.tar_entry import DIRECTORY, SYMLINK
from supervisor.diff.tar_reader import TarReader
from supervisor.diff.tar_writer import END, Header, encode, padding


def test_a_plain_header_is_ustar_without_records() -> None:
    data = encode(Header(b"etc/passwd", mode=0o644, size=5, mtime=7))
    assert len(data) == 512
    assert data[257:265] == b"ustar\x0000"
    assert data[100:108] == b"0000644\0"
    assert data[148:156] == b"%06o\0 " % (sum(data) - sum(data[148:156]) + 8 * 32)


@pytest.mark.parametrize(
    "header",
    [
        Header(b"n" * 120, size=0, mtime=1),
        Header("grün/ü".encode(), size=0),
        Header(b"x", uid=3_000_000, gid=4_000_000_000),
        Header(b"l", SYMLINK, linkname=b"t" * 200),
        Header(b"d/", DIRECTORY, mode=0o1777, mtime=-5),
        Header(b"c", xattrs={b"security.capability": b"\1\0\0\2\n\xff"}),
        Header(b"big", size=1 << 40),
    ],
)
def test_what_ustar_has_no_room_for_comes_back_from_records(header: Header) -> None:
    data = encode(header)
    entry = next(TarReader(iter([data])).entries())
    assert (entry.name, entry.uid, entry.gid) == (header.name, header.uid, header.gid)
    assert (entry.size, entry.linkname, entry.xattrs) == (header.size, header.linkname, header.xattrs)
    assert entry.mtime_ns == header.mtime * 10**9


def test_pythons_own_archiver_reads_it_too() -> None:
    data = encode(Header(b"a", size=3, mtime=5)) + b"abc" + padding(3) + encode(Header(b"d", DIRECTORY)) + END
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert [(one.name, one.isdir()) for one in tar] == [("a", False), ("d", True)]
