"""Rows of containers."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.containers.model import Health, Mount
from engine.containers.store import ContainerStore, connect
from proto.errdefs import Conflict
from tests.fakes.engine_room import ID, container

OTHER = "cd" * 32


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Closed at the end."""
    made = connect(str(tmp_path / "db"))
    yield made
    made.close()


@pytest.fixture
def store(connection: sqlite3.Connection) -> ContainerStore:
    """An empty table."""
    return ContainerStore(connection)


def test_a_row_survives_the_connection(tmp_path: Path) -> None:
    """What a dead engine wrote, the next one reads."""
    path = str(tmp_path / "engine.db")
    connection = connect(path)
    made = container(mounts=[Mount("volume", "/v", "/d", "n")])
    made.state.health = Health("healthy", 0, [{"ExitCode": 0}])
    ContainerStore(connection).insert(made)
    connection.close()
    again = connect(path)
    assert ContainerStore(again).load() == [made]
    again.close()


def test_rows_come_in_the_order_they_were_made(store: ContainerStore) -> None:
    """Starting order after a reboot follows it."""
    for number in (3, 1, 2):
        store.insert(container(f"c{number}", f"{number}" * 64))
    assert [found.name for found in store.load()] == ["c3", "c1", "c2"]


def test_a_name_belongs_to_one_row(store: ContainerStore) -> None:
    """The table decides, whatever the memory says."""
    store.insert(container())
    with pytest.raises(Conflict, match="name in use: web"):
        store.insert(container("web", OTHER))
    assert len(store.load()) == 1


def test_a_saved_container_has_its_new_name_and_state(store: ContainerStore) -> None:
    """And the old name is free."""
    made = container()
    store.insert(made)
    made.name, made.state.status = "db", "exited"
    store.save(made)
    store.insert(container("web", OTHER))
    assert {(found.name, found.state.status) for found in store.load()} == {("db", "exited"), ("web", "created")}


def test_a_retired_container_is_a_leftover_until_it_is_forgotten(store: ContainerStore) -> None:
    """So that its snapshot is found after a crash in between; its name is free at once."""
    store.insert(container())
    store.retire(container())
    assert store.load() == []
    assert [left.id for left in store.leftovers()] == [ID]
    store.insert(container("web", OTHER))
    store.forget(ID)
    assert store.leftovers() == []


def test_a_commit_survives_a_crash_of_the_process(connection: sqlite3.Connection) -> None:
    """WAL; the power may take the last moments, a SIGKILL takes nothing."""
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (1,)


def test_a_database_of_the_future_is_left_alone(tmp_path: Path) -> None:
    """A downgrade must not misread containers."""
    path = str(tmp_path / "db")
    future = sqlite3.connect(path)
    future.execute("PRAGMA user_version=99")
    future.close()
    with pytest.raises(RuntimeError, match="newer wherryd"):
        connect(path)
