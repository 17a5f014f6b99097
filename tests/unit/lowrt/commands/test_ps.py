"""ps: which lines of the table are the container's."""

import pytest

from lowrt.commands.ps import select_lines
from lowrt.errors import Fault
from tests.fakes.lowrt_containers import Stage
from tests.unit.lowrt.commands.conftest import Call

TABLE = (
    "UID        PID  PPID CMD\nroot         1     0 init\nroot        12     1 sh -c 34\nroot        34    12 sleep\n"
)


def test_lines_are_chosen_by_the_pid_column() -> None:
    assert (
        select_lines(TABLE, [34, 1])
        == "UID        PID  PPID CMD\nroot         1     0 init\nroot        34    12 sleep\n"
    )


def test_without_that_column_there_is_no_choosing() -> None:
    with pytest.raises(Fault, match="couldn't find PID field in ps output"):
        select_lines("CMD\nsh\n", [1])


def test_a_container_without_processes_is_null_in_json(stage: Stage, lowrt: Call) -> None:
    stage.record("c1")
    assert lowrt("ps", "--format", "json", "c1") == (0, "null\n", "")


def test_an_unknown_format_is_refused(stage: Stage, lowrt: Call) -> None:
    stage.record("c1")
    assert lowrt("ps", "-f", "xml", "c1") == (1, "", "invalid format option\n")
