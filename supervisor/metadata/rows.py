"""How values lie in columns: maps as JSON, typed values as a pair, and the row that makes a namespace exist."""

import base64
import json
import sqlite3
import time
from collections.abc import Mapping

from supervisor.core.typed import TypedValue

now = time.time_ns


def encode_map(values: Mapping[str, str]) -> str:
    """JSON of the map; an empty value means that the key is not set."""
    if not values:
        return "{}"
    return json.dumps({key: value for key, value in values.items() if value}, separators=(",", ":"), ensure_ascii=False)


def decode_map(text: str) -> dict[str, str]:
    if text == "{}":
        return {}
    values: dict[str, str] = json.loads(text)
    return values


def encode_typed(value: TypedValue | None) -> tuple[str | None, bytes | None]:
    return (value.type_url, value.value) if value is not None else (None, None)


def decode_typed(type_url: str | None, value: bytes | None) -> TypedValue | None:
    return None if type_url is None else TypedValue(type_url, value or b"")


def encode_extensions(extensions: Mapping[str, TypedValue]) -> str:
    if not extensions:
        return "{}"
    return json.dumps(
        {name: [typed.type_url, base64.b64encode(typed.value).decode()] for name, typed in extensions.items()}
    )


def decode_extensions(text: str) -> dict[str, TypedValue]:
    if text == "{}":
        return {}
    return {name: TypedValue(url, base64.b64decode(value)) for name, (url, value) in json.loads(text).items()}


def ensure_namespace(connection: sqlite3.Connection, namespace: str) -> None:
    """Using a namespace makes it exist."""
    connection.execute("INSERT OR IGNORE INTO namespaces (name) VALUES (?)", (namespace,))


def next_in_sequence(connection: sqlite3.Connection, name: str) -> int:
    """A number that this sequence never gave before."""
    (value,) = connection.execute(
        "INSERT INTO sequences (name, value) VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET value = value + 1 "
        "RETURNING value",
        (name,),
    ).fetchone()
    return int(value)
