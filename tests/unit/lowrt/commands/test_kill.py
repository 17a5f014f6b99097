"""kill: which signal, and to whom."""

import os

import pytest

from lowrt.commands.kill import parse_signal
from lowrt.errors import InvalidArgument
from tests.fakes.lowrt_containers import Stage, living_process
from tests.unit.lowrt.commands.conftest import Call


@pytest.mark.parametrize(
    ("text", "number"),
    [("9", 9), ("KILL", 9), ("SIGKILL", 9), ("sigkill", 9), ("term", 15), ("0", 0), ("64", 64), ("-1", -1)],
)
def test_signals_by_name_and_number(text: str, number: int) -> None:
    assert parse_signal(text) == number


@pytest.mark.parametrize("text", ["BOGUS", "SIG", "9x", "٩"])
def test_what_is_no_signal_is_named(text: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        parse_signal(text)
    assert str(caught.value) == f'unknown signal "{text}"'


def test_it_sends_term_unless_told_otherwise(stage: Stage, lowrt: Call) -> None:
    with living_process() as pid:
        stage.record("c1", pid=pid)
        assert lowrt("kill", "c1") == (0, "", "")
        assert os.waitpid(pid, 0)[1] == 15


def test_a_stopped_container(stage: Stage, lowrt: Call) -> None:
    stage.record("c1")
    assert lowrt("kill", "c1", "KILL") == (1, "", "container not running\n")
    assert lowrt("kill", "--all", "c1", "KILL") == (0, "", "")
