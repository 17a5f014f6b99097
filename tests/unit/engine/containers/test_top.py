"""ps, parsed."""

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
