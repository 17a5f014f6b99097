"""The daemon's log on stderr: containerd's text lines (`time="…" level=info msg="…" key=value`) or JSON."""

import json
import logging
import sys
from datetime import UTC, datetime

TRACE = 5
LEVELS = {
    "trace": TRACE,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "fatal": logging.CRITICAL,
    "panic": logging.CRITICAL,
}
_WORDS = {logging.WARNING: "warning", logging.CRITICAL: "fatal", TRACE: "trace"}
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def _fields(record: logging.LogRecord) -> dict[str, object]:
    fields: dict[str, object] = {
        "time": datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "level": _WORDS.get(record.levelno, record.levelname.lower()),
        "msg": record.getMessage(),
    }
    if record.exc_info:
        fields["error"] = logging.Formatter().formatException(record.exc_info)
    fields.update((key, value) for key, value in vars(record).items() if key not in _OWN)
    return fields


class TextFormatter(logging.Formatter):
    """One line of key=value; values are quoted where they need it, always for time and msg."""

    def format(self, record: logging.LogRecord) -> str:
        return " ".join(f"{key}={_quoted(key, value)}" for key, value in _fields(record).items())


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(_fields(record), default=str, ensure_ascii=False)


def _quoted(key: str, value: object) -> str:
    text = str(value)
    plain = key not in ("time", "msg") and text and all(c.isalnum() or c in "-._/@^+" for c in text)
    return text if plain else json.dumps(text, ensure_ascii=False)


def set_up(level: str, style: str) -> None:
    """Log to stderr from now on; a second call replaces the first."""
    logging.addLevelName(TRACE, "TRACE")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if style == "json" else TextFormatter())
    logging.basicConfig(level=LEVELS[level], handlers=[handler], force=True)
    if LEVELS[level] > TRACE:
        for chatty in ("asyncio", "grpc"):
            logging.getLogger(chatty).setLevel(logging.WARNING)
