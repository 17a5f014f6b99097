"""Execs."""

import asyncio
import os

import pytest

from engine.containers import remove
from engine.spec.process import User
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
    bench.room.execs._user = lambda made: (__import__("engine.spec.process", fromlist=["User"]).User(), "/")  # type: ignore[method-assign]
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
    bench.room.execs._user = lambda made: (__import__("engine.spec.process", fromlist=["User"]).User(), "/")  # type: ignore[method-assign]
    made = bench.room.execs.create(live, {"Cmd": ["nope"]})
    bench.room.execs.open(made)
    bench.tasks.refuse["exec"] = Fault('exec: "nope": executable file not found in $PATH')
    with pytest.raises(InvalidArgument, match=r"executable file not found in .PATH$"):
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


async def test_an_exec_inherits_the_containers_environment_and_folder(bench: Bench) -> None:
    """Its own variables win; the user is looked up anew."""
    live = await bench.run(Env=["A=container", "B=1"], WorkingDir="/etc", User="www")
    live.container.state.pid = os.getpid()
    bench.room.execs._user = lambda made: (User(33, 34), "/")  # type: ignore[method-assign]
    made = bench.room.execs.create(live, {"Cmd": "id", "Env": ["A=exec"]})
    process = bench.room.execs._process(made)
    assert process["args"] == ["id"]
    assert process["cwd"] == "/etc"
    assert {"A=exec", "B=1"} <= set(process["env"])
    assert set(process["capabilities"]) == {"bounding"}


async def test_a_privileged_exec_has_what_the_host_has(bench: Bench) -> None:
    """In a container that has less."""
    live = await bench.run()
    bench.room.execs._user = lambda made: (User(), "/")  # type: ignore[method-assign]
    made = bench.room.execs.create(live, {"Cmd": ["x"], "Privileged": True})
    assert "CAP_SYS_ADMIN" in bench.room.execs._process(made)["capabilities"]["effective"]


@pytest.mark.parametrize(("size", "shown"), [([24, 80], {"height": 24, "width": 80}), ([0, 0], None), (None, None)])
async def test_a_terminals_first_size(bench: Bench, size: list[int] | None, shown: dict | None) -> None:
    """Sent with the start."""
    live = await bench.run()
    bench.room.execs._user = lambda made: (User(), "/")  # type: ignore[method-assign]
    made = bench.room.execs.create(live, {"Cmd": ["x"], "Tty": True})
    bench.room.execs.open(made, size=size)
    assert bench.room.execs._process(made).get("consoleSize") == shown


async def test_inspect_of_an_exec_is_dockers_document(bench: Bench) -> None:
    """Before it has run."""
    live = await bench.run()
    made = bench.room.execs.create(live, {"Cmd": ["ls", "-l"], "User": "www", "AttachStdout": True, "Tty": True})
    assert made.to_inspect() == {
        "ID": made.id,
        "Running": False,
        "ExitCode": None,
        "ProcessConfig": {
            "tty": True,
            "entrypoint": "ls",
            "arguments": ["-l"],
            "privileged": False,
            "user": "www",
        },
        "OpenStdin": False,
        "OpenStderr": False,
        "OpenStdout": True,
        "CanRemove": False,
        "ContainerID": live.container.id,
        "DetachKeys": "",
        "Pid": 0,
    }


async def test_execs_of_a_removed_container_are_forgotten(bench: Bench) -> None:
    """With the next one that is made."""
    live = await bench.run("one")
    made = bench.room.execs.create(live, {"Cmd": ["x"]})
    await remove.remove(bench.room, live, force=True)
    other = await bench.run("two")
    bench.room.execs.create(other, {"Cmd": ["x"]})
    with pytest.raises(NotFound):
        bench.room.execs.get(made.id)


async def test_finished_execs_are_kept_for_a_while_only(bench: Bench) -> None:
    """A health check a second makes a hundred thousand a day."""
    live = await bench.run()
    for _ in range(600):
        bench.room.execs.create(live, {"Cmd": ["x"]}).done.set()
    assert len(bench.room.execs._known) <= 513


async def test_no_fifo_of_a_failed_exec_is_left(bench: Bench) -> None:
    """Nor its place among the container's."""
    live = await bench.run()
    bench.room.execs._user = lambda made: (User(), "/")  # type: ignore[method-assign]
    made = bench.room.execs.create(live, {"Cmd": ["x"], "AttachStdin": True})
    bench.room.execs.open(made)
    bench.tasks.refuse["exec"] = Fault("no")
    with pytest.raises(Fault):
        await bench.room.execs.run(made)
    folder = bench.paths.container(live.container.id).volatile
    assert not [name for name in os.listdir(folder) if name.startswith(made.id)]
    assert live.execs == {}
    assert made.exit_code == 126


@pytest.mark.parametrize("body", [{"Cmd": [1]}, {"Cmd": ["x"], "Env": "A=1"}, {"Cmd": ["x"], "Tty": "yes"}])
async def test_wrong_types_are_the_clients_mistake(bench: Bench, body: dict) -> None:
    """As for a container."""
    live = await bench.run()
    with pytest.raises(InvalidArgument, match="cannot unmarshal"):
        bench.room.execs.create(live, body)


async def test_an_exec_that_the_shim_runs_by_itself_is_told_of_as_any_other(bench: Bench) -> None:
    """From its start to its end, or to its failure."""
    live = await bench.run()
    bench.room.execs._user = lambda made: (User(), "/")  # type: ignore[method-assign]
    for status, last in ((3, "exec_die"), (None, "exec_start: x ")):
        made = bench.room.execs.create(live, {"Cmd": ["x"]})
        assert bench.room.execs.begin_in_shim(made)["args"] == ["x"]
        assert made.to_inspect()["Running"] is True
        bench.room.execs.end_in_shim(made, status)
        assert (made.to_inspect()["Running"], made.exit_code, made.id in live.execs) == (False, status, False)
        assert bench.actions[-1] == last
