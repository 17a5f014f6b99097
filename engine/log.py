"""The engine's log: one line each to stderr, with the id of the request that it belongs to.

Work that a request began (a pull, a start that outlives its client) carries the id too: it goes with the context.
"""

import contextvars
import logging
import secrets
import sys

LEVELS = {"debug": "DEBUG", "info": "INFO", "warn": "WARNING", "error": "ERROR", "fatal": "CRITICAL"}
_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s%(request)s"

_request: contextvars.ContextVar[str] = contextvars.ContextVar("request", default="")


def begin_request() -> str:
    """Name the request that begins."""
    name = secrets.token_hex(6)
    _request.set(name)
    return name


def _mark(record: logging.LogRecord) -> bool:
    name = _request.get()
    record.request = f" request={name}" if name else ""
    return True


def set_up(level: str) -> None:
    """Once, at the start."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_mark)
    logging.basicConfig(level=LEVELS[level], format=_FORMAT, handlers=[handler])
    for noisy in ("asyncio", "grpc"):
        logging.getLogger(noisy).setLevel("WARNING")


def set_level(level: str) -> None:
    """From now on."""
    logging.getLogger().setLevel(LEVELS[level])
