"""Tasks."""

import json

from engine.supervisor_client.channel import Channel
from engine.supervisor_client.tasks import PROCESS_TYPE_URL, RESOURCES_TYPE_URL, Stdio, Tasks
from proto.containerd.services.tasks.v1 import tasks_pb2
from proto.containerd.types.runc.options import oci_pb2
from tests.fakes.engine_supervisor import FakeSupervisor


async def test_create_and_start(server: FakeSupervisor, channel: Channel) -> None:
    server.answers |= {"Create": tasks_pb2.CreateTaskResponse(pid=7), "Start": tasks_pb2.StartResponse(pid=8)}
    tasks = Tasks(channel)
    assert await tasks.create("c", [], Stdio("i", "o", "e", True)) == 7
    request = server.request(tasks_pb2.CreateTaskRequest)
    assert (request.stdin, request.stdout, request.stderr, request.terminal) == ("i", "o", "e", True)
    assert await tasks.start("c", "x") == 8
    assert server.request(tasks_pb2.StartRequest).exec_id == "x"


async def test_exec_and_update_carry_json(server: FakeSupervisor, channel: Channel) -> None:
    tasks = Tasks(channel)
    await tasks.exec("c", "x", {"args": ["a"]}, Stdio(stdout="o"))
    spec = server.request(tasks_pb2.ExecProcessRequest).spec
    assert (spec.type_url, json.loads(spec.value)) == (PROCESS_TYPE_URL, {"args": ["a"]})
    await tasks.update("c", {"pids": {"limit": 5}})
    assert server.request(tasks_pb2.UpdateTaskRequest).resources.type_url == RESOURCES_TYPE_URL


async def test_ends_have_a_status(server: FakeSupervisor, channel: Channel) -> None:
    answer = tasks_pb2.DeleteResponse(pid=7, exit_status=3)
    answer.exited_at.seconds, answer.exited_at.nanos = 5, 500_000_000
    server.answers |= {"Delete": answer, "DeleteProcess": answer, "Wait": tasks_pb2.WaitResponse(exit_status=4)}
    tasks = Tasks(channel)
    ended = await tasks.delete("c")
    assert (ended.pid, ended.status, ended.exited_at) == (7, 3, 5.5)
    assert (await tasks.delete_process("c", "x")).status == 3
    assert (await tasks.wait("c")).status == 4


async def test_a_checkpoint_goes_into_a_folder(server: FakeSupervisor, channel: Channel) -> None:
    await Tasks(channel).checkpoint("c", "/images", leave_running=False)
    options = server.request(tasks_pb2.CheckpointTaskRequest).options
    assert options.type_url == "containerd.runc.v1.CheckpointOptions"
    asked = oci_pb2.CheckpointOptions.FromString(options.value)
    assert (asked.image_path, asked.exit) == ("/images", True)


async def test_the_small_ones(server: FakeSupervisor, channel: Channel) -> None:
    tasks = Tasks(channel)
    await tasks.kill("c", 9, everyone=True)
    assert server.request(tasks_pb2.KillRequest).all
    await tasks.resize("c", 80, 24)
    assert server.request(tasks_pb2.ResizePtyRequest).width == 80
    await tasks.close_stdin("c", "x")
    assert server.request(tasks_pb2.CloseIORequest).stdin
    await tasks.pause("c")
    await tasks.resume("c")
    assert await tasks.pids("c") == []
    assert await tasks.metrics("c") is None
    assert await tasks.list() == []
    assert (await tasks.get("c")).pid == 0
    assert [name for name, _, _ in server.asked][3:5] == ["Pause", "Resume"]
