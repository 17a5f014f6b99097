"""Checkpoint and restore through the shim, with our runtime and with runc below it."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from proto import anys
from proto.containerd.runtime.task.v2 import shim_pb2 as api
from proto.containerd.types.runc.options import oci_pb2
from proto.errdefs import Fault
from tests import needs
from tests.criu_program import path_with_criu
from tests.shim_process import ShimProcess

pytestmark = [needs.root, needs.binary("busybox")]

MakeShim = Callable[..., ShimProcess]
COUNTER = ("sh", "-c", "n=0; while read word; do n=$((n+1)); echo $n $word; done; exit 5")
BINARIES = pytest.mark.parametrize("binary", ["", pytest.param("runc", marks=needs.binary("runc"))])


@pytest.fixture(autouse=True)
def _criu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", path_with_criu())


class Fifos:
    """A client's ends of a task's stdin and stdout."""

    def __init__(self, folder: Path) -> None:
        self.stdin, self.stdout = str(folder / "stdin"), str(folder / "stdout")
        for path in (self.stdin, self.stdout):
            os.mkfifo(path)
        # For reading and writing: neither open waits for the shim, and no end of file comes between two shims.
        self._write = os.open(self.stdin, os.O_RDWR)
        self._answers = os.fdopen(os.open(self.stdout, os.O_RDWR), "r")

    def ask(self, word: str) -> str:
        os.write(self._write, f"{word}\n".encode())
        return self.read()

    def read(self) -> str:
        return self._answers.readline().strip()

    def close(self) -> None:
        self._answers.close()
        os.close(self._write)


@contextmanager
def fifos(folder: Path) -> Iterator[Fifos]:
    folder.mkdir()
    made = Fifos(folder)
    try:
        yield made
    finally:
        made.close()


def checkpoint(process: ShimProcess, image: Path, **options: object) -> api.CheckpointTaskRequest:
    packed = anys.pack(oci_pb2.CheckpointOptions(**options))
    return api.CheckpointTaskRequest(id=process.id, path=str(image), options=packed)


@BINARIES
async def test_a_container_goes_on_in_another_shim(shim: MakeShim, tmp_path: Path, binary: str) -> None:
    """It is created with the image, and restored at Start; statistics and its end are told as of any other."""
    with fifos(tmp_path / "one") as first, fifos(tmp_path / "two") as second:
        process = shim("before", *COUNTER)
        (process.bundle / "work").mkdir()
        task = await process.start()
        await task.Create(process.create(stdin=first.stdin, stdout=first.stdout, binary=binary))
        await task.Start(api.StartRequest(id=process.id))
        assert first.ask("a") == "1 a"
        await task.Checkpoint(checkpoint(process, tmp_path / "image", exit=True), timeout=60)
        assert (await process.end(task)).exit_status == 137

        process = shim("after", *COUNTER)
        task = await process.start()
        request = process.create(stdin=second.stdin, stdout=second.stdout, binary=binary)
        request.checkpoint = str(tmp_path / "image")
        assert (await task.Create(request)).pid == 0
        started = await task.Start(api.StartRequest(id=process.id), timeout=60)
        assert Path(f"/proc/{started.pid}").exists()
        assert second.ask("b") == "2 b"
        assert (await task.Stats(api.StatsRequest(id=process.id))).stats.value
        await task.Kill(api.KillRequest(id=process.id, signal=9))
        assert (await process.end(task)).exit_status == 137


@BINARIES
async def test_it_may_go_on_and_the_work_folder_is_not_kept(shim: MakeShim, tmp_path: Path, binary: str) -> None:
    with fifos(tmp_path / "one") as stream:
        process = shim("goes-on", *COUNTER)
        (process.bundle / "work").mkdir()
        task = await process.start()
        await task.Create(process.create(stdin=stream.stdin, stdout=stream.stdout, binary=binary))
        await task.Start(api.StartRequest(id=process.id))
        assert stream.ask("a") == "1 a"
        await task.Checkpoint(checkpoint(process, tmp_path / "image"), timeout=60)
        assert not (process.bundle / "work" / "criu-work").exists()
        assert stream.ask("b") == "2 b"
        await task.Kill(api.KillRequest(id=process.id, signal=9))
        await process.end(task)


@BINARIES
async def test_a_failure_names_the_log_that_is_kept_in_the_bundle(shim: MakeShim, tmp_path: Path, binary: str) -> None:
    """A large file without a name is more than CRIU takes along: the container goes on."""
    hold = "dd if=/dev/zero of=/tmp/big bs=1M count=2 2>/dev/null; exec 9</tmp/big; busybox rm /tmp/big"
    with fifos(tmp_path / "one") as stream:
        process = shim("fails", "sh", "-c", f"{hold}; {COUNTER[2]}")
        (process.bundle / "work").mkdir()
        task = await process.start()
        await task.Create(process.create(stdin=stream.stdin, stdout=stream.stdout, binary=binary))
        await task.Start(api.StartRequest(id=process.id))
        assert stream.ask("a") == "1 a"
        with pytest.raises(Fault, match="criu failed: type DUMP errno ") as caught:
            await task.Checkpoint(checkpoint(process, tmp_path / "image", exit=True), timeout=60)
        log = process.bundle / "criu-dump.log"
        assert str(caught.value).endswith(f" path= {log}")
        assert "Dumping FAILED" in log.read_text()
        assert not (process.bundle / "work" / "criu-work").exists()
        assert stream.ask("b") == "2 b"
        await task.Kill(api.KillRequest(id=process.id, signal=9))
        await process.end(task)


async def test_a_terminal_is_restored_too(shim: MakeShim, tmp_path: Path) -> None:
    with fifos(tmp_path / "one") as first, fifos(tmp_path / "two") as second:
        process = shim("tty-before", "sh", "-c", f"busybox stty -echo; echo begin; {COUNTER[2]}")
        document = json.loads((process.bundle / "config.json").read_text())
        document["process"]["terminal"] = True
        devpts = {"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["newinstance"]}
        document["mounts"].append(devpts)
        (process.bundle / "config.json").write_text(json.dumps(document))
        task = await process.start()
        await task.Create(process.create(stdin=first.stdin, stdout=first.stdout, terminal=True))
        await task.Start(api.StartRequest(id=process.id))
        assert first.read() == "begin"  # now nothing is echoed any more
        assert first.ask("a") == "1 a"
        await task.Checkpoint(checkpoint(process, tmp_path / "image", exit=True, terminal=True), timeout=60)
        assert (await process.end(task)).exit_status == 137

        process = shim("tty-after", "none")
        (process.bundle / "config.json").write_text(json.dumps(document))
        task = await process.start()
        request = process.create(stdin=second.stdin, stdout=second.stdout, terminal=True)
        request.checkpoint = str(tmp_path / "image")
        await task.Create(request)
        await task.Start(api.StartRequest(id=process.id), timeout=60)
        assert second.ask("b") == "2 b"
        await task.Kill(api.KillRequest(id=process.id, signal=9))
        assert (await process.end(task)).exit_status == 137


async def test_our_own_streams_are_there_from_create_on(shim: MakeShim, tmp_path: Path) -> None:
    """Whoever attaches before Start misses nothing; a restore that never comes leaves no socket."""
    process = shim("owned", *COUNTER)
    task = await process.start()
    socket = tmp_path / "attach.sock"
    owned = f"wherry://{socket}?driver=none&stdin=1"
    request = process.create(stdout=owned, stderr=owned)
    request.checkpoint = str(tmp_path / "nothing")
    await task.Create(request)
    assert socket.exists()
    await task.Delete(api.DeleteRequest(id=process.id), timeout=20)
    assert not socket.exists()
    await process.shut_down(task)


async def test_an_image_that_cannot_be_restored_is_an_error_of_start(shim: MakeShim, tmp_path: Path) -> None:
    process = shim("none", *COUNTER)
    task = await process.start()
    request = process.create()
    request.checkpoint = str(tmp_path / "nothing")
    await task.Create(request)
    with pytest.raises(Fault, match="OCI runtime restore failed: .*descriptors.json: no such file or directory"):
        await task.Start(api.StartRequest(id=process.id), timeout=60)
    await task.Delete(api.DeleteRequest(id=process.id), timeout=20)
    await process.shut_down(task)
