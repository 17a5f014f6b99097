"""Transactions, threads and durability of the metadata database."""

import multiprocessing
import os
import signal
import sqlite3
import threading
from pathlib import Path

import pytest

from supervisor.metadata.db import Database


def names(db: Database) -> list[str]:
    with db.read() as connection:
        return [row[0] for row in connection.execute("SELECT name FROM namespaces ORDER BY name")]


def add(db: Database, name: str) -> None:
    with db.write() as connection:
        connection.execute("INSERT INTO namespaces (name) VALUES (?)", (name,))


def test_a_transaction_is_seen_when_it_is_committed(db: Database) -> None:
    """By the writer at once, by other threads at its end."""
    elsewhere: list[list[str]] = []
    with db.write() as connection:
        connection.execute("INSERT INTO namespaces (name) VALUES ('a')")
        assert names(db) == ["a"]
        thread = threading.Thread(target=lambda: elsewhere.append(names(db)))
        thread.start()
        thread.join()
    assert elsewhere == [[]]
    assert names(db) == ["a"]


def test_an_exception_undoes_everything_nested_in_it(db: Database) -> None:
    """The inner transaction was only a part."""
    told: list[str] = []

    def fail() -> None:
        with db.write():
            add(db, "a")
            db.after_commit(lambda: told.append("a"))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert (names(db), told) == ([], [])
    add(db, "b")
    assert (names(db), told) == (["b"], [])


def test_a_nested_transaction_can_fail_alone(db: Database) -> None:
    """Its rows and its actions are undone, the rest is kept."""
    told: list[str] = []

    def fail() -> None:
        with db.write():
            add(db, "inner")
            db.after_commit(lambda: told.append("inner"))
            raise KeyError

    with db.write():
        add(db, "outer")
        db.after_commit(lambda: told.append("outer"))
        with pytest.raises(KeyError):
            fail()
        add(db, "after")
    assert (names(db), told) == (["after", "outer"], ["outer"])


def test_actions_wait_for_the_commit(db: Database) -> None:
    """In order, and at once when there is nothing to wait for."""
    told: list[str] = []
    with db.write():
        add(db, "a")
        db.after_commit(lambda: told.append("one"))
        db.after_commit(lambda: told.append("two"))
        assert told == []
    assert told == ["one", "two"]
    db.after_commit(lambda: told.append("three"))
    assert told == ["one", "two", "three"]


def test_listeners_hear_of_commits_and_removals(db: Database) -> None:
    """A rolled back removal is none."""
    heard: list[bool] = []
    db.on_mutation(heard.append)
    add(db, "a")
    with db.write():
        db.references_removed()

    def fail() -> None:
        with db.write():
            db.references_removed()
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    add(db, "b")
    assert heard == [False, True, False]


def test_stores_become_stale_with_the_commit(db: Database) -> None:
    """A rolled back transaction marks nothing; outside of one it counts at once."""

    def fail() -> None:
        with db.write():
            db.references_removed("lost")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with db.write():
        db.references_removed("content")
        assert db.take_stale() == set()
    db.mark_stale("overlayfs")
    assert db.take_stale() == {"content", "overlayfs"}
    assert db.take_stale() == set()


def test_a_snapshot_does_not_move(db: Database) -> None:
    """Whatever is committed meanwhile."""
    add(db, "a")
    with db.snapshot() as connection:
        before = connection.execute("SELECT count(*) FROM namespaces").fetchone()
        thread = threading.Thread(target=lambda: add(db, "b"))
        thread.start()
        thread.join()
        assert connection.execute("SELECT count(*) FROM namespaces").fetchone() == before == (1,)
    assert names(db) == ["a", "b"]


def test_many_threads_write_without_losing_one(db: Database) -> None:
    """The lock orders them."""
    threads = [threading.Thread(target=lambda n=n: [add(db, f"{n}-{i}") for i in range(50)]) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(names(db)) == 200


def test_readers_cannot_write(db: Database) -> None:
    """A write outside of a transaction would escape the lock."""
    with db.read() as connection, pytest.raises(Exception, match="readonly"):
        connection.execute("INSERT INTO namespaces (name) VALUES ('a')")


def test_flush_can_be_waited_for_by_many(db: Database) -> None:
    """And costs nothing when there is nothing new."""
    add(db, "a")
    threads = [threading.Thread(target=db.flush) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    db.flush()


def _commit_and_die(path: str) -> None:
    db = Database(path)
    add(db, "kept")
    writer = db.write()
    writer.__enter__().execute("INSERT INTO namespaces (name) VALUES ('lost')")
    os.kill(os.getpid(), signal.SIGKILL)


def test_sigkill_loses_nothing_that_was_committed(tmp_path: Path) -> None:
    """And keeps nothing that was not."""
    path = str(tmp_path / "meta" / "meta.db")
    victim = multiprocessing.get_context("spawn").Process(target=_commit_and_die, args=(path,))
    victim.start()
    victim.join()
    assert victim.exitcode == -signal.SIGKILL
    db = Database(path)
    assert names(db) == ["kept"]
    db.close()


def test_it_can_be_closed_and_opened_again(tmp_path: Path) -> None:
    """The log is written back."""
    path = str(tmp_path / "meta.db")
    db = Database(path)
    add(db, "a")
    db.close()
    assert not os.path.exists(path + "-wal") or os.path.getsize(path + "-wal") == 0
    db = Database(path)
    assert names(db) == ["a"]
    db.close()


def test_a_checkpoint_that_fails_at_the_end_loses_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The log is read at the next start."""
    db = Database(str(tmp_path / "db"))
    add(db, "a")
    with db._write_lock:
        db._writer.set_authorizer(lambda action, *_: 1 if action == sqlite3.SQLITE_PRAGMA else 0)
    db.close()
    assert "the write-ahead log stays" in caplog.text
    again = Database(str(tmp_path / "db"))
    assert names(again) == ["a"]
    again.close()
