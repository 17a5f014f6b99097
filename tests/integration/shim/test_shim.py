"""The shim with a real runtime below it and nobody above: cold and warm, each kind of stream, what is left after."""

import asyncio
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from google.protobuf.empty_pb2 import Empty

from proto import anys
from proto.containerd.metrics.cgroups.v1 import metrics_pb2
from proto.containerd.runtime.task.v2 import shim_pb2 as api
from proto.containerd.services.ttrpc.events.v1 import events_pb2
from proto.errdefs import Fault, NotFound
from proto.ttrpc.server import Context, Server
from tests import needs
from tests.shim_process import NAMESPACE, ShimProcess, Zygote

pytestmark = [needs.root, needs.binary("busybox")]


class Listener:
    """The event service of a daemon."""

    def __init__(self) -> None:
        self.topics: list[str] = []

    async def Forward(self, request: events_pb2.ForwardRequest, _context: Context) -> Empty:
        self.topics.append(request.envelope.topic)
        return Empty()


MakeShim = Callable[..., ShimProcess]


@pytest.mark.parametrize("binary", ["", pytest.param("runc", marks=needs.binary("runc"))])
async def test_a_cold_shim_runs_a_container_and_leaves_nothing(shim: MakeShim, tmp_path: Path, binary: str) -> None:
    """Its exit is on disk before it is told."""
    process = shim("cold", "sh", "-c", "echo out; echo err >&2; exit 3")
    task = await process.start()
    output = f"file://{tmp_path}/output"
    await task.Create(process.create(stdout=output, stderr=output, binary=binary))
    await task.Start(api.StartRequest(id=process.id))
    waited = await task.Wait(api.WaitRequest(id=process.id), timeout=20)
    assert json.loads((process.bundle / "exit.json").read_text())["exit_status"] == waited.exit_status == 3
    await process.end(task)
    assert sorted((tmp_path / "output").read_text().split()) == ["err", "out"]


async def test_a_zygotes_shim_is_the_same_but_sooner(shim: MakeShim, tmp_path: Path) -> None:
    """Same process group rules, same end; it outlives the zygote, whose file nobody can overwrite."""
    zygote = Zygote()
    process = shim("warm", "sh", "-c", "echo warm; sleep 100")
    task = await process.start(zygote)
    output = f"file://{tmp_path}/output"
    await task.Create(process.create(stdout=output, stderr=output))
    await task.Start(api.StartRequest(id=process.id))
    assert os.getpgid(process.pid) == process.pid
    assert os.statvfs(f"/proc/{process.pid}/exe").f_flag & os.ST_RDONLY
    assert zygote.run(["-v"], tmp_path)["code"] == 0
    assert zygote.close() == 0
    await task.Kill(api.KillRequest(id=process.id, signal=9))
    assert (await process.end(task)).exit_status == 137
    assert (tmp_path / "output").read_text() == "warm\n"


async def test_delete_tells_the_true_exit_code_of_a_dead_shims_container(shim: MakeShim) -> None:
    """The shim died after its container, before anyone asked."""
    process = shim("late", "sh", "-c", "exit 4")
    task = await process.start()
    await task.Create(process.create())
    await task.Start(api.StartRequest(id=process.id))
    await task.Wait(api.WaitRequest(id=process.id), timeout=20)
    os.kill(process.pid, signal.SIGKILL)
    answer = api.DeleteResponse.FromString(process.program("delete").stdout)
    assert answer.exit_status == 4
    assert not Path(process.address.removeprefix("unix://")).exists()
    assert str(process.bundle) not in Path("/proc/self/mountinfo").read_text()


async def test_a_failed_create_leaves_nothing_mounted(shim: MakeShim) -> None:
    """And the shim can be told to go."""
    process = shim("broken", "nope")
    task = await process.start()
    with pytest.raises(Fault, match=r"OCI runtime create failed: .*nope"):
        await task.Create(process.create())
    assert str(process.bundle) not in Path("/proc/self/mountinfo").read_text()
    with pytest.raises(NotFound):
        await task.State(api.StateRequest(id=process.id))
    await process.shut_down(task)


async def test_an_exec_has_its_own_streams_and_code(shim: MakeShim, tmp_path: Path) -> None:
    """Named in Pids while it runs."""
    process = shim("host", "sleep", "100")
    task = await process.start()
    await task.Create(process.create())
    await task.Start(api.StartRequest(id=process.id))
    document = {"args": ["sh", "-c", "echo beside; read line; exit 5"], "cwd": "/", "env": ["PATH=/bin"], "user": {}}
    os.mkfifo(tmp_path / "in")
    request = api.ExecProcessRequest(
        id=process.id,
        exec_id="e1",
        stdin=str(tmp_path / "in"),
        stdout=f"file://{tmp_path}/output",
        spec=anys.pack_json(anys.PROCESS, document),
    )
    await task.Exec(request)
    started = await task.Start(api.StartRequest(id=process.id, exec_id="e1"))
    pids = (await task.Pids(api.PidsRequest(id=process.id))).processes
    assert {info.pid for info in pids} >= {started.pid}
    assert [info.pid for info in pids if info.HasField("info")] == [started.pid]
    await task.CloseIO(api.CloseIORequest(id=process.id, exec_id="e1", stdin=True))
    assert (await task.Wait(api.WaitRequest(id=process.id, exec_id="e1"), timeout=30)).exit_status == 5
    await task.Delete(api.DeleteRequest(id=process.id, exec_id="e1"))
    assert (tmp_path / "output").read_text() == "beside\n"
    await task.Kill(api.KillRequest(id=process.id, signal=9))
    await process.end(task)


async def test_an_owned_output_is_logged_and_can_be_attached_to(shim: MakeShim, tmp_path: Path) -> None:
    """Attached between Create and Start: the first byte is seen."""
    process = shim("owned", "cat")
    task = await process.start()
    name = f"wherry://{tmp_path}/attach.sock?log={tmp_path}/c.log&stdin=1&stdin-once=1"
    await task.Create(process.create(stdout=name, stderr=name))
    reader, writer = await asyncio.open_unix_connection(tmp_path / "attach.sock")
    writer.write(b'{"stdin":true,"stdout":true,"stderr":true}\n')
    assert await reader.readline() == b'{"ok":true}\n'
    await task.Start(api.StartRequest(id=process.id))
    writer.write(b"echoed\n")
    writer.write_eof()
    assert await asyncio.wait_for(reader.read(), 10) == b"\x01\0\0\0\0\0\0\x07echoed\n"
    writer.close()
    assert (await process.end(task)).exit_status == 0
    (line,) = (tmp_path / "c.log").read_text().splitlines()
    assert (json.loads(line)["log"], json.loads(line)["stream"]) == ("echoed\n", "stdout")


async def test_a_logging_binary_gets_both_outputs(shim: MakeShim, tmp_path: Path) -> None:
    """Its environment says whose they are."""
    logger = tmp_path / "logger"
    logger.write_text(
        "#!/bin/sh\ntrap '' TERM\nexec 5>&-\n"
        '{ echo "$CONTAINER_NAMESPACE/$CONTAINER_ID $*"; cat <&3; cat <&4; } >"$2.part"; mv "$2.part" "$2"\n'
    )
    logger.chmod(0o755)
    process = shim("logged", "sh", "-c", "echo out; echo err >&2")
    task = await process.start()
    name = f"binary://{logger}?file={tmp_path}/result"
    await task.Create(process.create(stdout=name, stderr=name))
    await task.Start(api.StartRequest(id=process.id))
    await process.end(task)
    assert (tmp_path / "result").read_text() == f"{NAMESPACE}/{process.id} file {tmp_path}/result\nout\nerr\n"


async def test_a_terminal_is_resized(shim: MakeShim, tmp_path: Path) -> None:
    """The program inside sees the size."""
    process = shim("tty", "sh", "-c", "read line; busybox stty size; exit 2")
    os.mkfifo(tmp_path / "in")
    os.mkfifo(tmp_path / "out")
    document = json.loads((process.bundle / "config.json").read_text())
    document["process"]["terminal"] = True
    document["mounts"].append(
        {"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["newinstance", "ptmxmode=0666"]}
    )
    (process.bundle / "config.json").write_text(json.dumps(document))
    task = await process.start()
    out = os.open(tmp_path / "out", os.O_RDONLY | os.O_NONBLOCK)
    await task.Create(process.create(terminal=True, stdin=str(tmp_path / "in"), stdout=str(tmp_path / "out")))
    await task.Start(api.StartRequest(id=process.id))
    await task.ResizePty(api.ResizePtyRequest(id=process.id, width=91, height=17))
    stdin = os.open(tmp_path / "in", os.O_WRONLY)
    os.write(stdin, b"go\n")
    assert (await process.end(task)).exit_status == 2
    assert b"17 91" in os.read(out, 1000)
    os.close(stdin)
    os.close(out)


@needs.cgroup1
async def test_out_of_memory_is_told_and_update_changes_the_limit(shim: MakeShim, tmp_path: Path) -> None:
    """The kernel's kill counts in the metrics, too."""
    process = shim("hungry", "sh", "-c", "read x; exec tail /dev/zero", resources={"memory": {"limit": 64 << 20}})
    daemon, server = Listener(), Server()
    server.register(events_pb2.DESCRIPTOR.services_by_name["Events"], daemon)
    process.events_address = str(tmp_path / "events")
    await server.serve(process.events_address)
    task = await process.start()
    name = f"wherry://{process.bundle}/a.sock?stdin=1&stdin-once=1"
    await task.Create(process.create(stdout=name, stderr=name))
    await task.Start(api.StartRequest(id=process.id))
    resources = anys.pack_json(anys.LINUX_RESOURCES, {"memory": {"limit": 20 << 20}})
    await task.Update(api.UpdateTaskRequest(id=process.id, resources=resources))
    stats = (await task.Stats(api.StatsRequest(id=process.id))).stats
    metrics = metrics_pb2.Metrics.FromString(stats.value)
    assert metrics.memory.usage.limit == 20 << 20
    await task.CloseIO(api.CloseIORequest(id=process.id, stdin=True))
    assert (await process.end(task)).exit_status == 137
    assert sorted(daemon.topics) == sorted(
        ["/tasks/create", "/tasks/start", "/tasks/oom", "/tasks/exit", "/tasks/delete"]
    )
    await server.close()


async def test_containers_of_a_group_share_a_shim(shim: MakeShim) -> None:
    """The second start finds the first one's server; Shutdown waits for both."""
    processes = [shim(name, "sleep", "100") for name in ("pod", "member")]
    for process in processes:
        document = json.loads((process.bundle / "config.json").read_text())
        document["annotations"] = {"io.kubernetes.cri.sandbox-id": processes[0].id}
        (process.bundle / "config.json").write_text(json.dumps(document))
    tasks = [await process.start() for process in processes]
    assert processes[0].pid == processes[1].pid
    assert (processes[1].bundle / "address").read_text() == processes[0].address
    for process, task in zip(processes, tasks, strict=True):
        await task.Create(process.create())
        await task.Start(api.StartRequest(id=process.id))
        await task.Kill(api.KillRequest(id=process.id, signal=9))
        await task.Wait(api.WaitRequest(id=process.id), timeout=30)
    await tasks[0].Delete(api.DeleteRequest(id=processes[0].id))
    await tasks[0].Shutdown(api.ShutdownRequest(id=processes[0].id))
    await tasks[1].Delete(api.DeleteRequest(id=processes[1].id))
    assert processes[0].client is not None
    await processes[0].client.aclose()
    await processes[1].shut_down(tasks[1])
