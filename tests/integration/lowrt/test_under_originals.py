"""lowrt in the place of runc, under the containerd and the dockerd that Debian ships."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import needs
from tests.images import busybox_archive
from tests.integration.lowrt.runtimes import LOWRT

pytestmark = [needs.root, needs.binary("busybox"), needs.binary("containerd"), needs.binary("ctr")]

IMAGE = "docker.io/library/busybox:latest"


class Containerd:
    """A containerd on private paths, and ctr on its socket."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "containerd.sock"
        self.runtime = folder / "lowrt"
        self.runtime.write_text(f'#!/bin/sh\nexec {" ".join(LOWRT)} "$@"\n')
        self.runtime.chmod(0o755)

    def ctr(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["ctr", "-a", str(self.socket), *words], capture_output=True, text=True, check=check, timeout=60
        )

    def run(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        options = ("--snapshotter", "native", "--runc-binary", str(self.runtime))
        return self.ctr("run", *options, *words, check=check)


@contextmanager
def daemon(arguments: list[str], log: Path, ready: Path) -> Iterator[None]:
    """The program, from when its socket is there to when it has ended."""
    with (
        log.open("wb") as out,
        subprocess.Popen(arguments, stdout=out, stderr=out, stdin=subprocess.DEVNULL) as process,
    ):
        try:
            deadline = time.monotonic() + 30
            while not ready.exists():
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.05)
            yield
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture(scope="module")
def containerd() -> Iterator[Containerd]:
    folder = Path(tempfile.mkdtemp(prefix="wherry-originals-"))  # short: sockets lie in it
    (folder / "config.toml").write_text(
        f'version = 2\nroot = "{folder}/root"\nstate = "{folder}/state"\n'
        'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n'
        f'[grpc]\naddress = "{folder}/containerd.sock"\n[ttrpc]\naddress = "{folder}/containerd.sock.ttrpc"\n'
        f'[plugins."io.containerd.internal.v1.opt"]\npath = "{folder}/opt"\n'
    )
    running = Containerd(folder)
    with daemon(["containerd", "-c", str(folder / "config.toml")], folder / "log", running.socket):
        running.ctr("images", "import", "--snapshotter", "native", str(busybox_archive(folder / "image.tar")))
        yield running
    shutil.rmtree(folder)


def test_a_task_runs_and_its_code_comes_back(containerd: Containerd) -> None:
    done = containerd.run("--rm", IMAGE, "lowrt-t1", "sh", "-c", "echo out; exit 5", check=False)
    assert (done.returncode, done.stdout) == (5, "out\n")


def test_the_reason_of_a_failure_arrives(containerd: Containerd) -> None:
    done = containerd.run("--rm", IMAGE, "lowrt-t2", "nope", check=False)
    assert done.returncode == 1
    assert 'exec: "nope": executable file not found in $PATH' in done.stderr


def test_a_task_is_executed_in_paused_resumed_and_killed(containerd: Containerd) -> None:
    containerd.run("-d", "--seccomp", IMAGE, "lowrt-t3", "sleep", "60")
    try:
        words = ("grep", "^Seccomp:", "/proc/self/status")
        assert containerd.ctr("task", "exec", "--exec-id", "e1", "lowrt-t3", *words).stdout.split() == ["Seccomp:", "2"]
        containerd.ctr("task", "pause", "lowrt-t3")
        assert "PAUSED" in containerd.ctr("task", "ls").stdout
        containerd.ctr("task", "resume", "lowrt-t3")
        containerd.ctr("task", "kill", "-s", "KILL", "lowrt-t3")
        deadline = time.monotonic() + 30
        while "STOPPED" not in containerd.ctr("task", "ls").stdout:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        containerd.ctr("task", "delete", "--force", "lowrt-t3", check=False)
        containerd.ctr("container", "rm", "lowrt-t3", check=False)


@needs.binary("dockerd")
@needs.binary("docker")
def test_dockerd_runs_it_by_name(containerd: Containerd) -> None:
    folder = containerd.folder / "docker"
    folder.mkdir()
    (folder / "daemon.json").write_text(json.dumps({"runtimes": {"lowrt": {"path": str(containerd.runtime)}}}))
    arguments = ["dockerd", "--config-file", str(folder / "daemon.json"), "-H", f"unix://{folder}/sock"]
    arguments += ["--containerd", str(containerd.socket), "--data-root", str(folder / "data")]
    arguments += ["--exec-root", str(folder / "exec"), "-p", str(folder / "pid"), "--storage-driver", "vfs"]
    arguments += ["--bridge", "none", "--iptables=false", "--ip6tables=false"]

    def docker(*words: str) -> subprocess.CompletedProcess[str]:
        command = ["docker", "-H", f"unix://{folder}/sock", *words]
        environment = {**os.environ, "DOCKER_CONFIG": str(folder)}
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=90, env=environment)

    with daemon(arguments, folder / "log", folder / "sock"):
        docker("load", "-i", str(containerd.folder / "image.tar"))
        codes = {"echo hi": 0, "nope": 127, "/etc/passwd": 126, "sh -c 'exit 3'": 3}
        common = ("run", "--rm", "--runtime", "lowrt", "--network", "none", "busybox")
        for script, code in codes.items():
            words = ("sh", "-c", "exit 3") if code == 3 else tuple(script.split())
            done = docker(*common, *words)
            assert done.returncode == code, done.stderr
