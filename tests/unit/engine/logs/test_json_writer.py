"""Writing logs."""

import json
from pathlib import Path

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
