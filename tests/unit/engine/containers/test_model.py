"""The record."""

from engine.containers.model import Container, State
from tests.fakes.engine_room import container


def test_json_there_and_back() -> None:
    made = container()
    assert Container.from_json(made.to_json()) == made


def test_what_counts_as_running() -> None:
    assert State("paused").running
    assert State("restarting").running
    assert not State("restarting").alive
    assert not State("exited").running
