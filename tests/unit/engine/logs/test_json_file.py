"""Reading logs."""

import asyncio
import gzip
import json
from pathlib import Path

import pytest

from engine.logs import json_file
from engine.logs.inotify import FolderWatch
from engine.logs.json_file import Selection
from proto.errdefs import InvalidArgument


def entry(number: int, stream: str = "stdout") -> bytes:
    document = {"log": f"{number}\n", "stream": stream, "time": f"2026-01-01T00:00:{number:02d}Z"}
    return json.dumps(document).encode() + b"\n"


def texts(path: Path, selection: Selection) -> list[str]:
    entries, current = json_file.past(str(path), selection)
    if current is not None:
        current.close()
    return [found.data.decode().strip() for found in entries]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Three files: the oldest is compressed, the newest has a torn line."""
    path = tmp_path / "log"
    (tmp_path / "log.2.gz").write_bytes(gzip.compress(entry(0) + entry(1)))
    (tmp_path / "log.1").write_bytes(entry(2) + entry(3, "stderr"))
    path.write_bytes(entry(4) + entry(5) + b'{"log": "to')
    return path


def test_all_files_in_order_without_the_torn_line(log: Path) -> None:
    assert texts(log, Selection()) == ["0", "1", "2", "3", "4", "5"]


@pytest.mark.parametrize(
    ("count", "wanted"), [(0, []), (1, ["5"]), (3, ["3", "4", "5"]), (5, ["1", "2", "3", "4", "5"])]
)
def test_the_last_lines_over_all_files(log: Path, count: int, wanted: list[str]) -> None:
    assert texts(log, Selection(tail=count)) == wanted


def test_a_span_of_time_and_one_stream(log: Path) -> None:
    from engine.timestamps import to_ns

    since, until = to_ns("2026-01-01T00:00:02Z"), to_ns("2026-01-01T00:00:04Z")
    assert texts(log, Selection(since_ns=since, until_ns=until)) == ["2", "3", "4"]
    assert texts(log, Selection(stdout=False)) == ["3"]


def test_a_log_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert texts(tmp_path / "none", Selection()) == []
    assert texts(tmp_path / "none", Selection(tail=5)) == []


async def test_following_hears_new_lines_over_a_rotation_and_ends_with_the_container(tmp_path: Path) -> None:
    path, running, changed = tmp_path / "log", [True], [asyncio.Event()]
    path.write_bytes(entry(1))
    _, current = json_file.past(str(path), Selection())
    watch = FolderWatch(str(tmp_path))
    found: list[str] = []

    async def follow() -> None:
        async for line in json_file.follow(str(path), current, watch, lambda: not running[0], lambda: changed[0]):
            found.append(line.data.decode().strip())

    work = asyncio.ensure_future(follow())
    await asyncio.sleep(0.02)
    with path.open("ab") as file:
        file.write(entry(2))
    await asyncio.sleep(0.02)
    path.rename(tmp_path / "log.1")
    path.write_bytes(entry(3))
    await asyncio.sleep(0.02)
    running[0] = False
    changed[0].set()
    async with asyncio.timeout(2):
        await work
    watch.close()
    assert found == ["2", "3"]


def test_options_are_bounded_by_default_and_checked() -> None:
    assert json_file.options({}) == (10 << 20, 10, False)
    assert json_file.options({"max-size": "1k", "max-file": "3", "compress": "true"}) == (1024, 3, True)
    for bad in ({"x": "y"}, {"max-size": "x"}, {"max-file": "0"}, {"max-file": "x"}):
        with pytest.raises(InvalidArgument):
            json_file.options(bad)


def test_tails() -> None:
    assert [json_file.parse_tail(text) for text in ("all", "", "5", "x", "-1")] == [None, None, 5, None, None]


def test_what_is_no_entry_is_skipped() -> None:
    assert json_file.decode(b"garbage") is None
    assert json_file.decode(b'{"log": "x"}') is None
