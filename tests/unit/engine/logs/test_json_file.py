"""Reading logs."""

import asyncio
import contextlib
import gzip
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.logs import json_file
from engine.logs.inotify import FolderWatch
from engine.logs.json_file import Selection
from proto.errdefs import InvalidArgument


def entry(number: int, stream: str = "stdout") -> bytes:
    document = {"log": f"{number}\n", "stream": stream, "time": f"2026-01-01T00:00:{number:02d}Z"}
    return json.dumps(document).encode() + b"\n"


def texts(path: Path, selection: Selection) -> list[str]:
    batches, current = json_file.past(str(path), selection)
    found = [entry.data.decode().strip() for batch in batches for entry in batch]
    if current is not None:
        current.close()
    return found


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
    batches, current = json_file.past(str(path), Selection())
    assert len(list(batches)) == 1
    watch = FolderWatch(str(tmp_path))
    found: list[str] = []

    async def follow() -> None:
        async for lines in json_file.follow(str(path), current, watch, lambda: not running[0], lambda: changed[0]):
            found.extend(line.data.decode().strip() for line in lines)

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
    assert json_file.options({}, "local") == (20 << 20, 5, True)
    with pytest.raises(InvalidArgument, match="unknown log opt 'x' for log driver local"):
        json_file.options({"x": "1"}, "local")
    with pytest.raises(InvalidArgument, match="logging mode not supported: sometimes"):
        json_file.options({"mode": "sometimes"})
    assert json_file.options({"max-size": "1k", "max-file": "3", "compress": "true"}) == (1024, 3, True)
    for bad in ({"x": "y"}, {"max-size": "x"}, {"max-file": "0"}, {"max-file": "x"}):
        with pytest.raises(InvalidArgument):
            json_file.options(bad)


def test_tails() -> None:
    assert [json_file.parse_tail(text) for text in ("all", "", "5", "x", "-1")] == [None, None, 5, None, None]


def test_what_is_no_entry_is_skipped() -> None:
    assert json_file.decode(b"garbage") is None
    assert json_file.decode(b'{"log": "x"}') is None


@given(st.integers(1, 60), st.integers(0, 70), st.integers(8, 200))
def test_the_last_lines_are_the_last_lines(written: int, wanted: int, block: int) -> None:
    """Whatever the size of the blocks that are read backwards."""
    before = json_file._BLOCK
    json_file._BLOCK = block
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "log"
            path.write_bytes(b"".join(entry(number % 60) for number in range(written)) + b'{"torn')
            found = texts(path, Selection(tail=wanted))
    finally:
        json_file._BLOCK = before
    assert found == [str(number % 60) for number in range(written)][max(0, written - wanted) :]


def test_a_tail_of_one_stream_counts_lines_of_both(log: Path) -> None:
    """dockerd looks at the last lines first, then at the stream."""
    assert texts(log, Selection(tail=3, stderr=False)) == ["4", "5"]
    assert texts(log, Selection(tail=3, stdout=False)) == ["3"]


def test_a_line_holds_whatever_was_written() -> None:
    """Line feeds within are escaped; attributes come along."""
    text = "tab\t\r\u2028\x00é"
    line = json.dumps({"log": text + "\n", "stream": "stderr", "time": "2026-01-01T00:00:00Z", "attrs": {"a": "b"}})
    found = json_file.decode(line.encode())
    assert found is not None
    assert (found.data.decode(), found.stream, found.attributes) == (text + "\n", 2, {"a": "b"})


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"null",
        b"[]",
        b"{}",
        b'{"log":"x","stream":"other","time":"t"}',
        b'{"log":1,"stream":"stdout","time":"t"}',
        b'{"log":null,"stream":"stdout","time":"t"}',
        b"\x00" * 100,
        b"\xff\xfe",
    ],
)
def test_a_damaged_line_is_passed_over(line: bytes) -> None:
    """A power cut leaves zeros."""
    with contextlib.suppress(AttributeError):
        assert json_file.decode(line) is None


def test_a_line_of_the_wrong_types_is_passed_over() -> None:
    """Somebody edited the file."""
    assert json_file.decode(b'{"log":1,"stream":"stdout","time":"t"}') is None


def test_a_gap_in_the_numbers_ends_the_past(tmp_path: Path) -> None:
    """What is behind it belongs to another rotation."""
    for name in ("log", "log.1", "log.3"):
        (tmp_path / name).write_bytes(b"")
    assert json_file.rotated(str(tmp_path / "log")) == [str(tmp_path / "log.1"), str(tmp_path / "log")]


def test_a_line_feed_within_json_is_no_end_and_a_carriage_return_no_line(tmp_path: Path) -> None:
    """Only b"\\n" parts lines, also when reading backwards."""
    path = tmp_path / "log"
    line = {"log": "progress 1%\r2%\r3%\n", "stream": "stdout", "time": "2026-01-01T00:00:00Z"}
    path.write_bytes((json.dumps(line).encode() + b"\n") * 3)
    assert texts(path, Selection(tail=2)) == ["progress 1%\r2%\r3%"] * 2


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"foo": "1"}, "unknown log opt 'foo' for json-file log driver"),
        ({"max-file": "0"}, "'max-file' cannot be less than 1"),
        ({"max-file": "x"}, "invalid value for 'max-file': x"),
        ({"max-size": "big"}, "big"),
    ],
)
def test_options_that_are_none(config: dict[str, str], words: str) -> None:
    """Each is named."""
    with pytest.raises(InvalidArgument) as caught:
        json_file.options(config)
    assert words in str(caught.value)


def test_a_logs_bytes_are_those_of_all_its_files(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"abc")
    (tmp_path / "log.1.gz").write_bytes(b"de")
    assert json_file.log_bytes(str(tmp_path / "log")) == 5
    assert json_file.log_bytes(str(tmp_path / "none")) == 0
    assert json_file.log_bytes("") == 0


def test_a_long_log_comes_in_batches_and_leaves_the_file_before_the_torn_line(tmp_path: Path) -> None:
    """Nobody needs the memory of a whole log."""
    path = tmp_path / "log"
    path.write_bytes(b"".join(entry(number % 60) for number in range(2500)) + b'{"torn')
    batches, current = json_file.past(str(path), Selection())
    assert current is not None
    with current:
        sizes = [len(batch) for batch in batches]
        assert sum(sizes) == 2500
        assert max(sizes) < 2500
        assert current.read() == b'{"torn'


def test_what_is_rotated_away_while_a_client_reads_is_neither_missed_nor_read_twice(log: Path) -> None:
    """All files are open from the first entry on."""
    batches, current = json_file.past(str(log), Selection())
    log.rename(log.with_suffix(".new"))
    (log.parent / "log.1").rename(log.parent / "log.2")
    (log.parent / "log.2.gz").unlink()
    log.with_suffix(".new").rename(log.parent / "log.1")
    log.write_bytes(entry(6))
    found = [entry.data.decode().strip() for batch in batches for entry in batch]
    assert current is not None
    current.close()
    assert found == ["2", "3", "4", "5"]


@given(
    st.text(max_size=40),
    st.booleans(),
    st.sampled_from(["stdout", "stderr", "other"]),
    st.sampled_from(["2026-01-01T00:00:00.5Z", 'a"b', "", "é"]),
    st.booleans(),
    st.booleans(),
)
def test_the_quick_way_reads_what_the_parser_reads(
    text: str, ended: bool, stream: str, time: str, compact: bool, ascii_only: bool
) -> None:
    """Whoever wrote the line."""
    document = {"log": text + ("\n" if ended else ""), "stream": stream, "time": time}
    separators = (",", ":") if compact else (", ", ": ")
    line = json.dumps(document, separators=separators, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass") + b"\n"
    assert json_file.decode(line) == json_file._decode_any(line)


def test_the_quick_way_is_taken_by_a_plain_line() -> None:
    """As dockerd and our shim write it; text that looks like the rest of a line does not confuse it."""
    plain = b'{"log":"a b\\n","stream":"stderr","time":"2026-01-01T00:00:00Z"}\n'
    assert json_file._decode_plain(plain) == (2, b"a b\n", "2026-01-01T00:00:00Z", {})
    text = '","stream":"stdout","time":"x"}'
    tricky = json.dumps({"log": text + "\n", "stream": "stderr", "time": "t"}, separators=(",", ":")).encode() + b"\n"
    found = json_file.decode(tricky)
    assert found is not None
    assert found.data.decode() == text + "\n"
