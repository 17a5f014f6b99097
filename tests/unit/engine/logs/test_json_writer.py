"""Writing logs."""

import json
import re
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from engine.logs.json_writer import JsonLogWriter


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_lines_are_written_when_complete(tmp_path: Path) -> None:
    path = tmp_path / "log"
    writer = JsonLogWriter(str(path), max_size=0, max_files=1, attributes={"a": "b"})
    writer.write(1, b"one\ntw")
    writer.write(2, b"err\r\n")
    writer.write(1, b"o\n")
    writer.write(1, b"unfinished")
    writer.finish()
    assert [(line["log"], line["stream"]) for line in lines(path)] == [
        ("one\n", "stdout"),
        ("err\r\n", "stderr"),
        ("two\n", "stdout"),
        ("unfinished", "stdout"),
    ]
    assert lines(path)[0]["attrs"] == {"a": "b"}


def test_long_lines_come_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "log"
    writer = JsonLogWriter(str(path), max_size=0, max_files=1)
    writer.write(1, b"x" * 40000 + b"\n")
    writer.finish()
    assert [len(line["log"]) for line in lines(path)] == [16384, 16384, 7233]


def test_files_rotate_by_size(tmp_path: Path) -> None:
    path = tmp_path / "log"
    writer = JsonLogWriter(str(path), max_size=200, max_files=3)
    for number in range(20):
        writer.write(1, f"line {number}\n".encode())
    writer.finish()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["log", "log.1", "log.2"]
    assert lines(path)[-1]["log"] == "line 19\n"


@given(st.lists(st.tuples(st.integers(1, 2), st.binary(max_size=60)), max_size=12))
def test_nothing_is_lost_and_nothing_is_added(pieces: list[tuple[int, bytes]]) -> None:
    """However the output was cut into reads; bytes that are no UTF-8 become replacement characters."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log"
        writer = JsonLogWriter(str(path), max_size=0, max_files=1)
        for stream, data in pieces:
            writer.write(stream, data)
        writer.finish()
        found = {"stdout": "", "stderr": ""}
        for line in path.read_bytes().split(b"\n")[:-1]:
            document = json.loads(line)
            found[document["stream"]] += document["log"]
    for number, name in ((1, "stdout"), (2, "stderr")):
        whole = b"".join(data for stream, data in pieces if stream == number)
        expected = "".join(part.decode("utf-8", "replace") for part in whole.splitlines(keepends=True) if part)
        assert found[name].replace("\ufffd", "") == expected.replace("\ufffd", "")


def test_a_line_of_the_limit_is_one_and_one_byte_more_are_two(tmp_path: Path) -> None:
    """16 KiB with the line feed, as dockerd's copier reads."""
    path = tmp_path / "log"
    writer = JsonLogWriter(str(path), max_size=0, max_files=1)
    writer.write(1, b"x" * 16383 + b"\n")
    writer.write(1, b"y" * 16384 + b"\n")
    writer.finish()
    assert [len(line["log"]) for line in lines(path)] == [16384, 16384, 1]


def test_the_format_is_dockers_to_the_byte(tmp_path: Path) -> None:
    """Log shippers read the file."""
    path = tmp_path / "log"
    writer = JsonLogWriter(str(path), max_size=0, max_files=1)
    writer.write(1, b'a "quoted" line\n')
    writer.finish()
    pattern = (
        rb'\{"log":"a \\"quoted\\" line\\n","stream":"stdout","time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z"\}\n'
    )
    assert re.fullmatch(pattern, path.read_bytes())


def test_a_log_goes_on_where_the_last_engine_stopped(tmp_path: Path) -> None:
    """Appended, and its size counts for the rotation."""
    path = tmp_path / "log"
    for text in (b"one\n", b"two\n"):
        writer = JsonLogWriter(str(path), max_size=1 << 20, max_files=2)
        writer.write(1, text)
        writer.finish()
    assert [line["log"] for line in lines(path)] == ["one\n", "two\n"]


def test_a_log_of_one_file_begins_anew(tmp_path: Path) -> None:
    """max-file=1 keeps nothing."""
    path = tmp_path / "log"
    writer = JsonLogWriter(str(path), max_size=100, max_files=1)
    for number in range(10):
        writer.write(1, f"line {number}\n".encode())
    writer.finish()
    assert [file.name for file in tmp_path.iterdir()] == ["log"]
    assert path.stat().st_size < 300


def test_nobody_else_reads_a_log(tmp_path: Path) -> None:
    """0640."""
    path = tmp_path / "log"
    JsonLogWriter(str(path), max_size=0, max_files=1).finish()
    assert path.stat().st_mode & 0o777 == 0o640
