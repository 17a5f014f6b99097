"""`wherry logs`."""

import time

import pytest

from engine.cli.commands.logs import moment
from engine.cli.errors import CommandFailed
from engine.cli.streams import HEADER
from tests.fakes.engine_http import FakeEngine
from tests.unit.engine.cli.conftest import Run


def test_both_streams_come_apart(engine: FakeEngine, run: Run) -> None:
    """A terminal's log is one stream."""
    engine.answers["GET /containers/c/json"] = (200, {"Config": {"Tty": False}})
    engine.answers["GET /containers/c/logs"] = (200, HEADER.pack(1, 2) + b"o\n" + HEADER.pack(2, 2) + b"e\n")
    result = run("logs", "--tail", "5", "-t", "c")
    assert (result.stdout, result.stderr) == ("o\n", "e\n")
    query = engine.sent("GET", "/containers/c/logs").query
    assert query == {"stdout": ["1"], "stderr": ["1"], "timestamps": ["1"], "tail": ["5"]}


def test_moments_are_stamps_seconds_or_ages() -> None:
    """The API takes seconds."""
    assert moment(None) is None
    assert moment("12.5") == "12.5"
    assert moment("1970-01-01T00:00:10Z") == "10.0"
    assert float(moment("1m") or 0) == pytest.approx(time.time() - 60, abs=5)
    with pytest.raises(CommandFailed):
        moment("yesterday")
