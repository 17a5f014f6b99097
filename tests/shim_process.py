"""A real shim with a real OCI runtime, without any containerd: started by hand or by a zygote, spoken to over ttrpc."""

import asyncio
import json
import os
import shutil
import socket
import subprocess
from pathlib import Path

from proto import anys
from proto.containerd.runtime.task.v2 import shim_pb2 as api
from proto.containerd.types import mount_pb2
from proto.containerd.types.runc.options import oci_pb2
from proto.ttrpc.client import Client, Stub

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "deploy" / "bin" / "containerd-shim-wherry-v2"
APPLETS = ("sh", "cat", "echo", "sleep", "true", "seq", "dd", "tail", "ls", "kill", "head")
NAMESPACE = f"wherry-test-{os.getpid()}"  # of containerd; another run's clean-up must not find ours
NAMESPACES = ("pid", "mount", "ipc", "uts", "network")


def busybox_tree(folder: Path) -> Path:
    """A root file system."""
    program = shutil.which("busybox")
    assert program is not None
    for name in ("bin", "proc", "dev", "sys", "tmp", "etc"):
        (folder / name).mkdir(parents=True)
    shutil.copy(program, folder / "bin" / "busybox")
    for applet in APPLETS:
        (folder / "bin" / applet).symlink_to("busybox")
    return folder


def spec(container_id: str, *args: str, **linux: object) -> dict[str, object]:
    """A container of its own in everything but users."""
    return {
        "ociVersion": "1.0.2",
        "process": {"args": list(args), "cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}},
        "root": {"path": "rootfs"},
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["mode=755"]},
        ],
        "linux": {
            "cgroupsPath": f"/wherry-test-shim-{os.getpid()}/{container_id}",
            "namespaces": [{"type": kind} for kind in NAMESPACES],
            **linux,
        },
    }


class Zygote:
    """The warm parent, asked as the supervisor does."""

    def __init__(self) -> None:
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        actions = [(os.POSIX_SPAWN_DUP2, theirs.fileno(), 3)]
        if theirs.fileno() == 3:
            theirs.set_inheritable(True)
            actions = []
        self.pid = os.posix_spawn(PROGRAM, [str(PROGRAM), "zygote"], os.environ, file_actions=actions)
        theirs.close()

    def run(self, words: list[str], cwd: Path) -> dict[str, object]:
        """One request."""
        request = {"id": 1, "args": words, "cwd": str(cwd), "env": {"TTRPC_ADDRESS": ""}, "stdin": ""}
        self._ours.send(json.dumps(request).encode())
        answer = json.loads(self._ours.recv(1 << 20))
        assert isinstance(answer, dict)
        return answer

    def close(self) -> int:
        """End of the socket, end of the zygote; its exit code."""
        self._ours.close()
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


class ShimProcess:
    """One shim and its first container."""

    def __init__(self, folder: Path, tree: Path, container_id: str, document: dict[str, object]) -> None:
        self.id = container_id
        self.bundle = folder / container_id
        (self.bundle / "rootfs").mkdir(parents=True)
        (self.bundle / "config.json").write_text(json.dumps(document))
        self.mounts = [mount_pb2.Mount(type="bind", source=str(tree), options=["rbind", "rw"])]
        self.address = ""
        self.events_address = ""
        self.pid = 0
        self.client: Client | None = None

    def words(self, action: str) -> list[str]:
        """The command line, as containerd has it."""
        flags = ["-namespace", NAMESPACE, "-address", f"{self.bundle.parent}/none.sock", "-publish-binary", "x"]
        return [*flags, "-id", self.id, *(["-bundle", str(self.bundle)] if action == "delete" else []), action]

    async def start(self, zygote: Zygote | None = None) -> Stub:
        """`start`, cold or warm, and connect."""
        if zygote is not None:
            answer = zygote.run(self.words("start"), self.bundle)
            assert answer["code"] == 0, answer
            self.address = str(answer["stdout"])
        else:
            self.address = self.program("start").stdout.decode()
        return await self.connect()

    async def connect(self) -> Stub:
        """To the server at the address that `start` gave."""
        self.client = await Client.connect(self.address, 5)
        task = self.client.stub(api.DESCRIPTOR.services_by_name["Task"])
        connected = await task.Connect(api.ConnectRequest(id=self.id), timeout=20)
        assert isinstance(connected, api.ConnectResponse)
        self.pid = connected.shim_pid
        return task

    def program(self, action: str) -> subprocess.CompletedProcess[bytes]:
        """Run the executable."""
        return subprocess.run(
            [PROGRAM, *self.words(action)],
            cwd=self.bundle,
            env={**os.environ, "TTRPC_ADDRESS": self.events_address},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=30,
            check=True,
        )

    def create(self, **fields: object) -> api.CreateTaskRequest:
        """The Create request; `binary` names the OCI runtime."""
        options = oci_pb2.Options(binary_name=str(fields.pop("binary", "")))
        return api.CreateTaskRequest(
            id=self.id, bundle=str(self.bundle), rootfs=self.mounts, options=anys.pack(options), **fields
        )

    async def end(self, task: Stub) -> api.WaitResponse:
        """Wait, Delete, Shutdown: nothing may be left."""
        waited = await task.Wait(api.WaitRequest(id=self.id), timeout=20)
        await task.Delete(api.DeleteRequest(id=self.id), timeout=20)
        await self.shut_down(task)
        assert isinstance(waited, api.WaitResponse)
        return waited

    async def shut_down(self, task: Stub) -> None:
        """Shutdown, and see that it is true."""
        assert self.client is not None
        await task.Shutdown(api.ShutdownRequest(id=self.id), timeout=30)
        await asyncio.wait_for(asyncio.shield(self.client.closed), 5)
        assert not Path(self.address.removeprefix("unix://")).exists()
        assert str(self.bundle) not in Path("/proc/self/mountinfo").read_text()
