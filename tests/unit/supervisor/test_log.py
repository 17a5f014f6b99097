"""The log's lines."""

import json
import logging
import sys

from supervisor.log import JsonFormatter, TextFormatter


def record(message: str, **extra: object) -> logging.LogRecord:
    entry = logging.makeLogRecord({"msg": message, "levelno": logging.WARNING, "levelname": "WARNING", "created": 0.0})
    vars(entry).update(extra)
    return entry


def test_text_is_containerds_line() -> None:
    line = TextFormatter().format(record('it is "so"', id="c1", path="a b"))
    assert line == 'time="1970-01-01T00:00:00.000000Z" level=warning msg="it is \\"so\\"" id=c1 path="a b"'


def test_json_is_one_object() -> None:
    assert json.loads(JsonFormatter().format(record("x", id="c1"))) == {
        "time": "1970-01-01T00:00:00.000000Z",
        "level": "warning",
        "msg": "x",
        "id": "c1",
    }


def test_an_exception_is_a_field_on_the_same_line() -> None:
    try:
        raise ValueError("oh")
    except ValueError:
        entry = record("failed", exc_info=sys.exc_info())
    assert "\n" not in TextFormatter().format(entry)
    assert "ValueError: oh" in TextFormatter().format(entry)
