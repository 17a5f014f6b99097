"""Execs."""

import asyncio

import pytest

from proto.errdefs import Conflict, Fault, InvalidArgument, NotFound
from tests.fakes.engine_room import Bench


async def test_an_exec_needs_a_running_container_and_a_command(bench: Bench) -> None:
    live = await bench.create()
    with pytest.raises(Conflict, match="is not running"):
        bench.room.execs.create(live, {"Cmd": ["true"]})
    live = await bench.run("other")
    with pytest.raises(InvalidArgument, match="No exec command specified"):
        bench.room.execs.create(live, {})
    live.container.state.status = "paused"
    with pytest.raises(Conflict, match="unpause the container before exec"):
        bench.room.execs.create(live, {"Cmd": ["true"]})
    live.container.state.status = "running"


async def test_an_exec_runs_once_and_its_exit_can_be_asked_for(bench: Bench) -> None:
    live = await bench.run()
    live.container.state.pid = 1
    bench.room.execs._user = lambda made: __import__("engine.spec.process", fromlist=["User"]).User()  # type: ignore[method-assign]
    made = bench.room.execs.create(live, {"Cmd": ["sh", "-c", "exit 3"], "Env": ["A=b"], "WorkingDir": "/tmp"})
    bench.room.execs.open(made)
    with pytest.raises(Conflict, match="already running"):
        bench.room.execs.open(made)
    await bench.room.execs.run(made)
    assert made.to_inspect()["Running"] is True
    process = next(call[2] for call in bench.tasks.calls if call[0] == "exec")
    assert process["cwd"] == "/tmp"
    assert "A=b" in process["env"]
    bench.tasks.end(live.container.id, 3, made.id)
    async with asyncio.timeout(3):
        await made.done.wait()
    inspected = bench.room.execs.get(made.id).to_inspect()
    assert (inspected["Running"], inspected["ExitCode"]) == (False, 3)


async def test_a_command_that_is_not_there_is_127(bench: Bench) -> None:
    live = await bench.run()
    bench.room.execs._user = lambda made: __import__("engine.spec.process", fromlist=["User"]).User()  # type: ignore[method-assign]
    made = bench.room.execs.create(live, {"Cmd": ["nope"]})
    bench.room.execs.open(made)
    bench.tasks.refuse["exec"] = Fault('exec: "nope": executable file not found in $PATH')
    with pytest.raises(InvalidArgument, match=r"executable file not found in .PATH: unknown"):
        await bench.room.execs.run(made)
    assert made.exit_code == 127
    assert live.execs == {}


async def test_an_unknown_exec_is_not_found(bench: Bench) -> None:
    with pytest.raises(NotFound, match="No such exec instance: x"):
        bench.room.execs.get("x")


async def test_a_relative_working_folder_is_refused(bench: Bench) -> None:
    live = await bench.run()
    with pytest.raises(InvalidArgument, match="absolute path"):
        bench.room.execs.create(live, {"Cmd": ["true"], "WorkingDir": "tmp"})
