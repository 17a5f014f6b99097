"""The log file: rotation, compression, and a disk that fails."""

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from shim.logfile import LogFile, LogSettings, compress_file, compress_in_child, rotate


def no_compressor(_path: str, _last: int) -> Callable[[], None]:
    """Must not be called."""
    raise AssertionError("compressed")


def fail(error: OSError) -> None:
    """Must not be called."""
    raise error


def messages(path: Path) -> list[str]:
    """The log texts of a file."""
    return [json.loads(line)["log"] for line in path.read_text().splitlines()]


def test_both_streams_are_in_it(tmp_path: Path) -> None:
    """Each with its own unfinished line."""
    path = tmp_path / "c.log"
    log = LogFile(LogSettings(str(path)), no_compressor, fail)
    log.write("stdout", b"one\ntw")
    log.write("stderr", b"oops\n")
    log.write("stdout", b"o\nrest")
    log.close()
    found = [(entry["stream"], entry["log"]) for entry in map(json.loads, path.read_text().splitlines())]
    assert found == [("stdout", "one\n"), ("stderr", "oops\n"), ("stdout", "two\n"), ("stdout", "rest")]
    assert oct(path.stat().st_mode & 0o777) == "0o640"


def test_a_log_goes_on_where_it_was(tmp_path: Path) -> None:
    """A container that is started again."""
    for text in (b"first\n", b"second\n"):
        log = LogFile(LogSettings(str(tmp_path / "c.log")), no_compressor, fail)
        log.write("stdout", text)
        log.close()
    assert messages(tmp_path / "c.log") == ["first\n", "second\n"]


def test_files_rotate_at_their_size(tmp_path: Path) -> None:
    """Checked before a line is written, as dockerd does; the oldest goes."""
    log = LogFile(LogSettings(str(tmp_path / "c.log"), max_size=100, max_files=3), no_compressor, fail)
    for number in range(7):
        log.write("stdout", f"line {number} {'x' * 40}\n".encode())
    log.close()
    assert sorted(os.listdir(tmp_path)) == ["c.log", "c.log.1", "c.log.2"]
    newest, middle, oldest = (messages(tmp_path / name) for name in ("c.log", "c.log.1", "c.log.2"))
    kept = [text.split()[1] for text in oldest + middle + newest]
    assert kept == [str(number) for number in range(7 - len(kept), 7)]
    assert all(len((tmp_path / name).read_bytes()) >= 100 for name in ("c.log.1", "c.log.2"))


def test_a_single_file_starts_anew(tmp_path: Path) -> None:
    """max-file 1 keeps only the present."""
    log = LogFile(LogSettings(str(tmp_path / "c.log"), max_size=10), no_compressor, fail)
    log.write("stdout", b"old\n")
    log.write("stdout", b"new\n")
    log.close()
    assert messages(tmp_path / "c.log") == ["new\n"]
    assert os.listdir(tmp_path) == ["c.log"]


def test_one_write_can_rotate_several_times(tmp_path: Path) -> None:
    """Lines are counted, not reads."""
    log = LogFile(LogSettings(str(tmp_path / "c.log"), max_size=1, max_files=10), no_compressor, fail)
    log.write("stdout", b"a\nb\nc\n")
    log.close()
    assert [messages(tmp_path / name) for name in ("c.log.2", "c.log.1", "c.log")] == [["a\n"], ["b\n"], ["c\n"]]


def test_rotated_files_are_compressed_and_counted_so(tmp_path: Path) -> None:
    """The compression of one rotation is awaited by the next."""
    order: list[str] = []

    def compressor(path: str, last: int) -> Callable[[], None]:
        order.append("begun")

        def wait() -> None:
            compress_file(path, last)
            order.append("done")

        return wait

    log = LogFile(LogSettings(str(tmp_path / "c.log"), max_size=1, max_files=3, compress=True), compressor, fail)
    log.write("stdout", b"a\nb\nc\n")
    log.close()
    assert order == ["begun", "done", "begun"]
    assert sorted(os.listdir(tmp_path)) == ["c.log", "c.log.1", "c.log.2.gz"]


def test_a_compressed_file_is_gzip_with_its_last_time(tmp_path: Path) -> None:
    """dockerd's reader skips a file that is too old without inflating it."""
    path = tmp_path / "c.log.1"
    path.write_bytes(b"text\n" * 1000)
    compress_file(str(path), 1_000_000_000)
    data = (tmp_path / "c.log.1.gz").read_bytes()
    assert gzip.decompress(data) == b"text\n" * 1000
    assert b'{"lastTime": "1970-01-01T00:00:01Z"}' in data
    assert not path.exists()


def test_compression_runs_in_a_child(tmp_path: Path) -> None:
    """Which is waited for."""
    path = tmp_path / "c.log.1"
    path.write_bytes(b"text\n")
    wait = compress_in_child(str(path), 0)
    wait()
    wait()
    assert os.listdir(tmp_path) == ["c.log.1.gz"]


def test_a_full_disk_loses_lines_and_nothing_else() -> None:
    """/dev/full is one."""
    errors: list[OSError] = []
    log = LogFile(LogSettings("/dev/full"), no_compressor, errors.append)
    log.write("stdout", b"lost\n")
    log.close()
    assert [error.strerror for error in errors] == ["No space left on device"]


def test_a_log_that_cannot_be_opened_is_an_error(tmp_path: Path) -> None:
    """Create must fail, not log to nowhere."""
    with pytest.raises(FileNotFoundError):
        LogFile(LogSettings(str(tmp_path / "no" / "c.log")), no_compressor, fail)


def test_rotating_nothing_is_fine(tmp_path: Path) -> None:
    """Somebody may have removed the files."""
    rotate(str(tmp_path / "c.log"), 3, compress=True)
    rotate(str(tmp_path / "c.log"), 1, compress=False)
