"""Tables of system calls: which processes have one, what is in it, and children that walk along it."""

import os
from typing import Any

import pytest

from lowrt.init import row, straight
from lowrt.init.job import Job
from lowrt.linux import constants as c
from lowrt.spec.model import Spec
from tests.fakes.lowrt_containers import FakeCgroup

Json = dict[str, Any]

ON, NO = 0, -1
WRITE, EXECVE, EXIT_GROUP, FACCESSAT, CLOSE = 1, 59, 231, 269, 3

machine = pytest.mark.skipif(not row.known(), reason="this machine's instructions are not known")


class Cgroup(FakeCgroup):
    def to_state(self) -> Json:
        return {"driver": "v1"}

    def paths(self) -> dict[str, str]:
        return {"pids": "/c/pids/x"}


def plan(container: Json | None = None, **changes: Any) -> straight.Plan:
    document = {"args": ["true"], "cwd": "/", "env": ["PATH=/none:/bin", "HOME=/"], "user": {"uid": 3}, **changes}
    made = Job(Spec({"process": container or document, "linux": {}}, "/bundle"), document, "c1")
    made.new_keyring = False
    found = straight.plan(made, Cgroup())  # type: ignore[arg-type]
    assert found is not None
    return found


def tracing() -> Json:
    return {"capabilities": {"bounding": ["CAP_KILL", "CAP_SYS_PTRACE"]}}


@machine
def test_a_common_process_has_a_table() -> None:
    assert row.table(plan()) is not None
    assert row.table(plan(args=["/bin/true"], env=["HOME=/"])) is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"env": ["PATH=/bin"]},  # its home would have to be looked up
        {"env": ["PATH=bin:/bin", "HOME=/"]},  # a program of the current folder's is refused, in words
        {"env": ["PATH=/bin:", "HOME=/"]},
        tracing(),
        {"container": tracing()},
    ],
)
def test_what_is_not_common_has_none(changes: Json) -> None:
    assert row.table(plan(**changes)) is None


def _rows(laid: row.Laid) -> list[list[int]]:
    words = list(laid._words)
    return [words[first : first + 8] for first in range(0, len(words), 8)]


@machine
def test_each_place_that_a_program_may_be_at_is_tried_and_the_first_that_can_be_executed_is() -> None:
    table = row.table(plan())
    assert table is not None
    laid = table.laid([], [], [], row.Fds([9], 4, 5, 6))
    rows = _rows(laid)
    numbers = [one[0] for one in rows]
    assert numbers[-6:] == [FACCESSAT, EXECVE, FACCESSAT, EXECVE, WRITE, EXIT_GROUP]
    place = {laid.address + number * 64: number for number in range(len(rows))}
    assert place[rows[-6][7]] == len(rows) - 4  # not there: the next one
    assert place[rows[-5][7]] == place[rows[-4][7]] == len(rows) - 2  # there, and no program: no
    assert rows[0][:4] == [WRITE, 9, rows[0][2], 1]


@machine
def test_what_is_ours_is_closed_before_the_folder_is_entered() -> None:
    """A path through /proc/self/fd must not lead out (CVE-2024-21626)."""
    table = row.table(plan())
    assert table is not None
    rows = _rows(table.laid([], [], [], row.Fds([], 4, 5, 6)))
    numbers = [one[0] for one in rows]
    assert [one[1] for one in rows if one[0] == CLOSE] == [4, 5]
    assert numbers.index(80) > max(number for number, found in enumerate(numbers) if found == CLOSE)


def _walk(rows: list[Any], end: list[Any]) -> int:
    """How a child of ours ends that does these."""
    laid = row.Laid(rows, end, None)  # type: ignore[arg-type]
    try:
        pid, pidfd = laid.enter(0, -1)
    except OSError as error:
        pytest.skip(f"clone3 is not allowed here: {error}")
    os.close(pidfd)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@machine
def test_a_child_goes_from_row_to_row_and_after_a_failure_where_the_row_says() -> None:
    bad = (CLOSE, 1 << 20)
    assert _walk([((EXIT_GROUP, 7), NO)], []) == 7
    assert _walk([(bad, ON), ((EXIT_GROUP, 7), NO)], [((EXIT_GROUP, 1), ON)]) == 7
    assert _walk([(bad, NO), ((EXIT_GROUP, 7), NO)], [((EXIT_GROUP, 1), ON)]) == 1
    assert _walk([(bad, 2), ((EXIT_GROUP, 7), NO), ((EXIT_GROUP, 8), NO)], [((EXIT_GROUP, 1), ON)]) == 8


@machine
def test_a_child_writes_from_our_memory_and_has_descriptors_of_its_own() -> None:
    reading, writing = os.pipe()
    table = row.table(plan())
    assert table is not None
    status = _walk([((WRITE, writing, table._no, 1), NO), ((CLOSE, writing), NO), ((EXIT_GROUP, 0), NO)], [])
    assert status == 0
    assert os.read(reading, 9) == b"n"
    os.close(writing)  # it is still ours
    assert os.read(reading, 9) == b""
    os.close(reading)


@machine
def test_a_call_that_the_kernel_refuses_is_an_error() -> None:
    laid = row.Laid([((EXIT_GROUP, 0), NO)], [], None)  # type: ignore[arg-type]
    with pytest.raises(OSError, match="clone"):
        laid.enter(c.CLONE_NEWNS | 0x200, -1)  # a namespace of mounts, and CLONE_FS
