"""Migrations."""

import sqlite3

import pytest

from supervisor.metadata.schema import MIGRATIONS, NewerSchema, migrate


def connect() -> sqlite3.Connection:
    return sqlite3.connect(":memory:", isolation_level=None)


def test_a_new_database_gets_every_table_of_the_drawing() -> None:
    """As the module's docstring lists them."""
    from supervisor.metadata import schema

    connection = connect()
    migrate(connection)
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    drawn = {line.split()[0] for line in (schema.__doc__ or "").splitlines() if line.startswith("    ")}
    assert tables == drawn
    assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
    connection.close()


def test_migrating_twice_changes_nothing() -> None:
    """Each step is run once."""
    connection = connect()
    migrate(connection)
    migrate(connection)
    connection.close()


def test_a_database_of_the_future_is_left_alone() -> None:
    """Rather than misread."""
    connection = connect()
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    with pytest.raises(NewerSchema, match="this program knows up to"):
        migrate(connection)
    assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    connection.close()
