"""What containerd.runc.v1.Options says has an effect: the streams' owners, the shim's cgroup, the runtime's folder."""

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from google.protobuf.any_pb2 import Any

from proto import anys
from proto.containerd.runtime.task.v2 import shim_pb2 as api
from proto.containerd.types.runc.options import oci_pb2
from tests import needs
from tests.crash_house import until
from tests.shim_process import NAMESPACE, PROGRAM, ShimProcess

pytestmark = [needs.root, needs.binary("busybox")]

MakeShim = Callable[..., ShimProcess]


async def test_the_streams_belong_to_whom_the_options_say(shim: MakeShim, tmp_path: Path) -> None:
    """Their group: the runtime gives them to the process's own user, as runc does."""
    process = shim("owners", "sh", "-c", "ls -lnL /proc/self/fd/1 /proc/self/fd/2")
    task = await process.start()
    request = process.create(stdout=f"file://{tmp_path}/output", stderr=f"file://{tmp_path}/output")
    request.options.CopyFrom(anys.pack(oci_pb2.Options(io_uid=7, io_gid=8)))
    await task.Create(request)
    await task.Start(api.StartRequest(id=process.id))
    await process.end(task)
    lines = (tmp_path / "output").read_text().splitlines()
    assert [line.split()[2:4] for line in lines] == [["0", "8"], ["0", "8"]]


async def test_the_runtimes_folder_is_the_options(shim: MakeShim, tmp_path: Path) -> None:
    """With the namespace added, as runc's shim does."""
    process = shim("rooted", "sleep", "100")
    task = await process.start()
    request = process.create()
    request.options.CopyFrom(anys.pack(oci_pb2.Options(root=str(tmp_path / "own"))))
    await task.Create(request)
    assert (tmp_path / "own" / NAMESPACE / process.id).is_dir()
    await task.Kill(api.KillRequest(id=process.id, signal=9))
    await process.end(task)
    assert list((tmp_path / "own" / NAMESPACE).iterdir()) == []


def gone(folder: Path) -> bool:
    """Whether a cgroup could be removed; what is left in it goes back to the root."""
    for pid in (folder / "cgroup.procs").read_text().split():
        with contextlib.suppress(ProcessLookupError):
            (folder.parent / "cgroup.procs").write_text(pid)
    try:
        folder.rmdir()
    except OSError:
        return False
    return True


@pytest.fixture
def cgroup() -> Iterator[str]:
    """A cgroup in every hierarchy."""
    name = f"wherry-shims-{os.getpid()}"
    root = Path("/sys/fs/cgroup")
    hierarchies = (
        [root]
        if (root / "cgroup.controllers").exists()
        else [path for path in root.iterdir() if path.is_dir() and path.name != "unified"]
    )
    made = []
    for hierarchy in hierarchies:
        folder = hierarchy / name
        if not folder.resolve().exists():
            folder.mkdir()
            made.append(folder)
        for knob in ("cpus", "mems"):  # a cpuset takes nobody in before it has both
            if (folder / f"cpuset.{knob}").exists() and not (folder / f"cpuset.{knob}").read_text().strip():
                (folder / f"cpuset.{knob}").write_text((hierarchy / f"cpuset.{knob}").read_text())
    yield f"/{name}"
    for folder in made:
        until(lambda folder=folder: gone(folder), f"{folder} stays busy")  # type: ignore[misc]  # a shim may still be ending


def start(process: ShimProcess, options: Any) -> "subprocess.CompletedProcess[bytes]":
    """`start` with runtime options on its stdin."""
    return subprocess.run(
        [PROGRAM, *process.words("start")],
        cwd=process.bundle,
        env={**os.environ, "TTRPC_ADDRESS": ""},
        input=options.SerializeToString(),
        capture_output=True,
        timeout=30,
        check=False,
    )


async def test_the_shim_is_put_where_the_options_say(shim: MakeShim, cgroup: str) -> None:
    """Its cgroup, not its containers'."""
    process = shim("placed", "true")
    options = anys.pack(oci_pb2.Options(shim_cgroup=cgroup))
    started = start(process, options)
    assert started.returncode == 0, started.stderr
    process.address = started.stdout.decode()
    task = await process.connect()
    assert {line.rpartition(":")[2] for line in Path(f"/proc/{process.pid}/cgroup").read_text().splitlines()} >= {
        cgroup
    }
    await process.shut_down(task)


async def test_a_shim_cgroup_that_is_not_there_fails_the_start(shim: MakeShim) -> None:
    """And leaves no server behind."""
    process = shim("unplaced", "true")
    options = anys.pack(oci_pb2.Options(shim_cgroup="/wherry-nowhere"))
    started = start(process, options)
    assert started.returncode == 1
    assert b"wherry-nowhere" in started.stderr
    address = (process.bundle / "address").read_text().removeprefix("unix://")
    assert not Path(address).exists()
    until(lambda: process.id.encode() not in b"".join(command_lines()), "the server lives on")


def command_lines() -> Iterator[bytes]:
    """Of every process; a killed one soon has none, reaped or not."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            yield (folder / "cmdline").read_bytes()
