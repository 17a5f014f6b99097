"""A log whose checkpoints are a thread's."""

import time
from pathlib import Path

from engine import wal


def _filled(connection: wal.Connection, rows: int) -> None:
    for number in range(rows):
        connection.execute("INSERT INTO t VALUES (?)", (str(number) * 1000,))


def test_no_statement_checkpoints_by_itself(tmp_path: Path) -> None:
    """Not with a log far beyond SQLite's own limit of a thousand pages."""
    connection = wal.connect(str(tmp_path / "db"))
    connection.execute("CREATE TABLE t (x)")
    before = (tmp_path / "db").stat().st_size
    connection.executemany("INSERT INTO t VALUES (?)", (("x" * 8000,) for _ in range(1000)))
    assert (tmp_path / "db-wal").stat().st_size > 5 << 20
    assert (tmp_path / "db").stat().st_size == before
    connection.close()


def test_the_thread_does_after_so_many_statements(tmp_path: Path) -> None:
    connection = wal.connect(str(tmp_path / "db"))
    connection.execute("CREATE TABLE t (x)")
    before = (tmp_path / "db").stat().st_size
    _filled(connection, wal.STATEMENTS)
    end = time.monotonic() + 30
    while (tmp_path / "db").stat().st_size == before:
        assert time.monotonic() < end
        time.sleep(0.01)
    _filled(connection, 3)  # and goes on meanwhile
    connection.close()
    again = wal.connect(str(tmp_path / "db"))
    assert again.execute("SELECT count(*) FROM t").fetchone() == (wal.STATEMENTS + 3,)
    again.close()


def test_what_was_committed_is_there_for_whoever_opens_it_next(tmp_path: Path) -> None:
    """Also when nothing was ever checkpointed."""
    first = wal.connect(str(tmp_path / "db"))
    first.execute("CREATE TABLE t (x)")
    _filled(first, 3)
    second = wal.connect(str(tmp_path / "db"))
    assert second.execute("SELECT count(*) FROM t").fetchone() == (3,)
    second.close()
    first.close()
