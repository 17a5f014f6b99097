"""Tars out."""

import errno
import io
import os
import socket
import tarfile
from pathlib import Path
from typing import Any

from engine.containers import tar_out
from engine.containers.tar_in import TarReader
from engine.containers.tar_out import TarWriter


def written(root: Path, path: str, name: str) -> dict[str, tarfile.TarInfo]:
    fd, out = os.open(root, os.O_PATH | os.O_DIRECTORY), io.BytesIO()
    TarWriter(fd, out).write(path, name)
    os.close(fd)
    with tarfile.open(fileobj=io.BytesIO(out.getvalue())) as tar:
        return {member.name: member for member in tar}


def test_a_tree_with_links_stored_and_hard_links_once(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "f").write_text("abc")
    os.link(tmp_path / "d" / "f", tmp_path / "d" / "g")
    (tmp_path / "d" / "l").symlink_to("/etc/passwd")
    found = written(tmp_path, "/d", "name")
    assert set(found) == {"name", "name/f", "name/g", "name/l"}
    assert found["name/g"].islnk()
    assert found["name/l"].linkname == "/etc/passwd"


def test_a_link_above_leads_only_inside_the_root(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "f").write_text("mine")
    (tmp_path / "out").symlink_to("/etc")
    assert set(written(tmp_path, "/out/f", "f")) == {"f"}


def test_modes_owners_and_times(tmp_path: Path) -> None:
    """Seconds are enough for a tar."""
    (tmp_path / "f").write_text("abc")
    (tmp_path / "f").chmod(0o4751)
    os.utime(tmp_path / "f", (5, 7))
    found = written(tmp_path, "/f", "f")["f"]
    assert (found.mode, found.uid, found.gid, found.mtime, found.size) == (0o4751, os.getuid(), os.getgid(), 7, 3)


def test_a_link_at_the_end_is_stored_and_never_followed(tmp_path: Path) -> None:
    """The client decides what it means."""
    (tmp_path / "l").symlink_to("/etc/shadow")
    found = written(tmp_path, "/l", "l")["l"]
    assert (found.issym(), found.linkname) == (True, "/etc/shadow")


def test_an_empty_root_is_one_entry(tmp_path: Path) -> None:
    """`docker export` of nothing."""
    (tmp_path / "root").mkdir()
    assert list(written(tmp_path / "root", "/", ".")) == ["."]


def test_what_a_tar_cannot_hold_is_left_out(tmp_path: Path) -> None:
    """Sockets."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "s"))
    (tmp_path / "f").write_text("x")
    assert set(written(tmp_path, "/", ".")) == {".", "./f"}
    assert set(written(tmp_path, "/", "")) == {"f"}
    listener.close()


def test_a_fifo_is_an_entry_and_is_not_opened(tmp_path: Path) -> None:
    """It would wait for a writer for ever."""
    os.mkfifo(tmp_path / "p")
    assert written(tmp_path, "/p", "p")["p"].isfifo()


def test_names_of_any_bytes_and_length(tmp_path: Path) -> None:
    """PAX headers carry them."""
    long, odd = "x" * 200, os.fsdecode(b"caf\xe9 \n")
    (tmp_path / long).write_text("1")
    (tmp_path / odd).write_text("2")
    assert {f"./{long}", f"./{odd}"} <= set(written(tmp_path, "/", "."))


def test_a_file_that_shrinks_meanwhile_is_filled_up(tmp_path: Path) -> None:
    """The header has gone out; a tar out of step would be garbage from there on."""

    class Shrinking(io.BytesIO):
        def write(self, data: Any, /) -> int:
            (tmp_path / "a").write_bytes(b"")
            return super().write(data)

    (tmp_path / "a").write_bytes(b"x" * 100_000)
    (tmp_path / "b").write_text("after")
    root, out = os.open(tmp_path, os.O_PATH | os.O_DIRECTORY), Shrinking()
    TarWriter(root, out).write("/", ".")
    os.close(root)
    with tarfile.open(fileobj=io.BytesIO(out.getvalue())) as tar:
        found = {member.name: member for member in tar}
    assert found["./a"].size == 100_000
    assert found["./b"].size == 5


def test_what_is_written_can_be_read_in_again(tmp_path: Path) -> None:
    """`docker cp` from one container to another."""
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "d" / "deep").mkdir(parents=True)
    (target / "in").mkdir(parents=True)
    (source / "d" / "deep" / "f").write_bytes(b"\x00\xff" * 5000)
    (source / "d" / "l").symlink_to("deep/f")
    os.link(source / "d" / "deep" / "f", source / "d" / "h")
    root, out = os.open(source, os.O_PATH | os.O_DIRECTORY), io.BytesIO()
    TarWriter(root, out).write("/d", "d")
    os.close(root)
    root = os.open(target, os.O_PATH | os.O_DIRECTORY)
    TarReader(root, "/in").extract(io.BytesIO(out.getvalue()))
    os.close(root)
    assert (target / "in/d/deep/f").read_bytes() == b"\x00\xff" * 5000
    assert os.readlink(target / "in/d/l") == "deep/f"
    assert (target / "in/d/h").stat().st_ino == (target / "in/d/deep/f").stat().st_ino


def test_a_place_that_is_not_there_is_an_empty_tar(tmp_path: Path) -> None:
    """It was looked at before; it has gone since."""
    assert written(tmp_path, "/gone", "gone") == {}


def test_a_file_that_breaks_off_is_as_long_as_its_header_says() -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError(errno.EIO, "input/output error")

    assert tar_out._Padded(Broken(), 4).read() == bytes(4)
    assert tar_out._Padded(io.BytesIO(b"ab"), 4).read() == b"ab\0\0"
