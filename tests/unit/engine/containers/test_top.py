"""ps, parsed."""

import os

import pytest

from engine.containers.top import parse, top
from proto.errdefs import Conflict, Internal, InvalidArgument
from tests.fakes.engine_room import Bench

OUTPUT = "UID   PID  CMD\nroot    7  sleep 100\nroot    8  other thing\n"


def test_rows_of_the_containers_processes_keep_their_last_column() -> None:
    assert parse(OUTPUT, {7}) == {"Titles": ["UID", "PID", "CMD"], "Processes": [["root", "7", "sleep 100"]]}


def test_threads_follow_their_process() -> None:
    text = "PID LWP CMD\n7 - main\n- 7 thread\n8 - other\n- 8 thread\n"
    assert len(parse(text, {7})["Processes"]) == 2


def test_no_pid_no_answer() -> None:
    with pytest.raises(Internal, match="Couldn't find PID field"):
        parse("CMD\nx\n", {7})
    with pytest.raises(Internal, match="Unexpected pid 'x'"):
        parse("PID\nx\n", {7})


async def test_refusals(bench: Bench) -> None:
    live = await bench.create()
    with pytest.raises(Conflict, match="is not running"):
        await top(bench.room, live, "-ef")
    live = await bench.run("other")
    with pytest.raises(InvalidArgument, match="ppid=PID"):
        await top(bench.room, live, "-o ppid=PID")


@pytest.mark.parametrize("separator", ["\u2028", "\x85", "\x0b", "\x0c", "\x1c"])
def test_a_command_line_cannot_break_the_table(separator: str) -> None:
    """Only a line feed ends a row, whatever else a process calls itself."""
    done = parse(f"PID CMD\n10 evil{separator}forged row\n11 b\n", {10, 11})
    assert [row[0] for row in done["Processes"]] == ["10", "11"]


def test_a_name_with_other_spaces_stays_one_column() -> None:
    """ASCII space parts columns, no other (moby pull request 24358)."""
    done = parse("USER PID CMD\na\u3000b 10 c d\n", {10})
    assert done["Processes"] == [["a\u3000b", "10", "c d"]]


async def test_a_process_by_the_hosts_ps(bench: Bench) -> None:
    """The pids come from the supervisor, the table from ps."""
    live = await bench.run()
    bench.tasks.tasks[live.container.id].pid = os.getpid()
    done = await top(bench.room, live, "-o pid,comm")
    assert [row[0] for row in done["Processes"]] == [str(os.getpid())]
    assert bench.actions[-1] == "top"


async def test_columns_that_only_look_like_pids_are_refused(bench: Bench) -> None:
    """Else another column would choose the rows; the real one may be renamed to its own name."""
    live = await bench.run()
    with pytest.raises(InvalidArgument, match=r'^specifying "ppid=PID" is not allowed$'):
        await top(bench.room, live, "-o ppid=PID -o pid")
    bench.tasks.tasks[live.container.id].pid = os.getpid()
    assert (await top(bench.room, live, "-o pid=PID"))["Titles"] == ["PID"]


async def test_wrong_arguments_are_ps_s_own_words(bench: Bench) -> None:
    """Its first line."""
    live = await bench.run()
    with pytest.raises(Internal, match=r"^ps: error: "):
        await top(bench.room, live, "--no-such-option")
    with pytest.raises(InvalidArgument, match="ps: No closing quotation"):
        await top(bench.room, live, "'")


async def test_between_two_lives_there_is_nothing_to_show(bench: Bench) -> None:
    """409, as with dockerd."""
    live = await bench.run()
    live.container.state.status = "restarting"
    with pytest.raises(Conflict):
        await top(bench.room, live, "-ef")
