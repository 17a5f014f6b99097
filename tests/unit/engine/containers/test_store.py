"""Rows."""

import sqlite3
from pathlib import Path

import pytest

from engine.containers.model import Health, Mount
from engine.containers.store import ContainerStore, connect
from proto.errdefs import Conflict
from tests.fakes.engine_room import ID, container


def test_a_container_survives_there_and_back(tmp_path: Path) -> None:
    connection = connect(str(tmp_path / "db"))
    store = ContainerStore(connection)
    made = container(mounts=[Mount("volume", "/v", "/d", "n")])
    made.state.health = Health("healthy", 0, [{"ExitCode": 0}])
    store.insert(made)
    made.state.exit_code = 7
    store.save(made)
    assert store.load() == [made]
    connection.close()


def test_a_name_belongs_to_one(tmp_path: Path) -> None:
    connection = connect(str(tmp_path / "db"))
    store = ContainerStore(connection)
    store.insert(container())
    with pytest.raises(Conflict):
        store.insert(container(container_id="cd" * 32))
    connection.close()


def test_retiring_moves_a_row_and_finishing_forgets_it(tmp_path: Path) -> None:
    connection = connect(str(tmp_path / "db"))
    store = ContainerStore(connection)
    store.insert(container())
    store.retire(container())
    assert store.load() == []
    assert [left.id for left in store.leftovers()] == [ID]
    store.forget(ID)
    assert store.leftovers() == []
    connection.close()


def test_a_database_of_the_future_is_left_alone(tmp_path: Path) -> None:
    path = str(tmp_path / "db")
    future = sqlite3.connect(path)
    future.execute("PRAGMA user_version=99")
    future.close()
    with pytest.raises(RuntimeError, match="newer wherryd"):
        connect(path)
