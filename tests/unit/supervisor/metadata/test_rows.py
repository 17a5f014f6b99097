"""How values lie in columns."""

from supervisor.core.typed import TypedValue
from supervisor.metadata.db import Database
from supervisor.metadata.rows import (
    decode_extensions,
    decode_map,
    decode_typed,
    encode_extensions,
    encode_map,
    encode_typed,
    ensure_namespace,
    next_in_sequence,
)


def test_maps_come_back_without_their_empty_values() -> None:
    """An empty label is none."""
    assert decode_map(encode_map({"a": "ä", "b": ""})) == {"a": "ä"}
    assert encode_map({}) == "{}"
    assert decode_map("{}") is not decode_map("{}")


def test_typed_values_come_back() -> None:
    """Bytes and all; absence too."""
    value = TypedValue("t", b"\x00\xff")
    assert decode_typed(*encode_typed(value)) == value
    assert decode_typed(*encode_typed(None)) is None
    assert decode_extensions(encode_extensions({"x": value})) == {"x": value}
    assert decode_extensions(encode_extensions({})) == {}


def test_a_namespace_is_made_to_exist_once(db: Database) -> None:
    """Without touching its labels."""
    with db.write() as connection:
        connection.execute("INSERT INTO namespaces VALUES ('ns', '{\"a\":\"1\"}')")
        ensure_namespace(connection, "ns")
        assert connection.execute("SELECT labels FROM namespaces").fetchone() == ('{"a":"1"}',)


def test_a_sequence_counts_up_by_name(db: Database) -> None:
    """Each from one."""
    with db.write() as connection:
        assert [next_in_sequence(connection, "a") for _ in range(3)] == [1, 2, 3]
        assert next_in_sequence(connection, "b") == 1
