"""lowrt in the place of runc, under containerd and dockerd: those that Debian ships, and the newest."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import needs
from tests.images import busybox_archive
from tests.integration.lowrt.runtimes import LOWRT

pytestmark = [needs.root, needs.binary("busybox")]

PEERS = Path(os.environ.get("PEERS_ROOT", "/var/cache/wherry-peers")) / "native" / "bin"
GENERATIONS = {"debian": Path("/usr/bin"), "newest": PEERS}

IMAGE = "docker.io/library/busybox:latest"


class Containerd:
    """A containerd on private paths, and ctr on its socket."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self.folder = folder
        self.programs = programs
        self.socket = folder / "containerd.sock"
        self.runtime = folder / "lowrt"
        self.runtime.write_text(f'#!/bin/sh\nexec {" ".join(LOWRT)} "$@"\n')
        self.runtime.chmod(0o755)

    def ctr(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.programs / "ctr"), "-a", str(self.socket), *words],
            capture_output=True,
            text=True,
            check=check,
            timeout=60,
        )

    def run(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        options = ("--snapshotter", "native", "--runc-binary", str(self.runtime))
        return self.ctr("run", *options, *words, check=check)


@contextmanager
def daemon(arguments: list[str], log: Path, ready: Path) -> Iterator[None]:
    """The program, from when its socket is there to when it has ended."""
    own = next(Path(word).parent for word in arguments if word.endswith(("/containerd", "/dockerd")))
    environment = {**os.environ, "PATH": f"{own}:{os.environ['PATH']}"}
    with (
        log.open("wb") as out,
        subprocess.Popen(arguments, stdout=out, stderr=out, stdin=subprocess.DEVNULL, env=environment) as process,
    ):
        try:
            deadline = time.monotonic() + 60
            while not ready.exists():
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.05)
            yield
        finally:
            process.terminate()
            process.wait(30)


def whole_view(folder: Path) -> list[str]:
    """A command before the daemon's: without some mounted hierarchy runc's shim gives no statistics at all."""
    mounted = Path("/proc/self/mountinfo").read_text()
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    names = [line.split(":")[1] for line in lines if line.split(":")[1]]
    absent = [name for name in names if f"/{name.removeprefix('name=')} " not in mounted and f",{name}" not in mounted]
    script = "".join(f"mkdir {folder}/{name}; mount -t cgroup -o {name} none {folder}/{name}; " for name in absent)
    return ["unshare", "--mount", "--propagation", "slave", "sh", "-c", f'{script}exec "$@"', "sh"] if absent else []


@pytest.fixture(scope="module", params=GENERATIONS)
def containerd(request: pytest.FixtureRequest) -> Iterator[Containerd]:
    programs = GENERATIONS[request.param]
    if not (programs / "containerd").exists():
        pytest.skip(f"needs {programs}/containerd")
    folder = Path(tempfile.mkdtemp(prefix="wherry-originals-"))  # short: sockets lie in it
    (folder / "config.toml").write_text(
        f'version = 2\nroot = "{folder}/root"\nstate = "{folder}/state"\n'
        'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n'
        f'[grpc]\naddress = "{folder}/containerd.sock"\n[ttrpc]\naddress = "{folder}/containerd.sock.ttrpc"\n'
        f'[plugins."io.containerd.internal.v1.opt"]\npath = "{folder}/opt"\n'
    )
    running = Containerd(folder, programs)
    with daemon(
        [*whole_view(folder), str(programs / "containerd"), "-c", str(folder / "config.toml")],
        folder / "log",
        running.socket,
    ):
        local = ["--local"] if request.param == "newest" else []  # its other way unpacks by the daemon's snapshotter
        running.ctr("images", "import", *local, "--snapshotter", "native", str(busybox_archive(folder / "image.tar")))
        yield running
    shutil.rmtree(folder)


def test_a_task_runs_and_its_code_comes_back(containerd: Containerd) -> None:
    done = containerd.run("--rm", IMAGE, "lowrt-t1", "sh", "-c", "echo out; sleep 1; exit 5", check=False)
    # It stays a while: ctr stops copying when a task is gone before it has come to it.
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
        deadline = time.monotonic() + 60
        while "STOPPED" not in containerd.ctr("task", "ls").stdout:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        containerd.ctr("task", "delete", "--force", "lowrt-t3", check=False)
        containerd.ctr("container", "rm", "lowrt-t3", check=False)


def test_the_kernel_kills_for_want_of_memory(containerd: Containerd) -> None:
    limit = ("--rm", "--memory-limit", str(16 << 20))
    done = containerd.run(
        *limit, IMAGE, "lowrt-t4", "dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1", check=False
    )
    assert done.returncode == 137


@needs.binary("docker")
def test_dockerd_runs_it_by_name(containerd: Containerd) -> None:
    program = shutil.which("dockerd", path=f"{containerd.programs}:/usr/sbin")
    if program is None:
        pytest.skip("needs dockerd")
    folder = containerd.folder / "docker"
    folder.mkdir()
    (folder / "daemon.json").write_text(json.dumps({"runtimes": {"lowrt": {"path": str(containerd.runtime)}}}))
    arguments = [
        program,
        "--config-file",
        str(folder / "daemon.json"),
        "-H",
        f"unix://{folder}/sock",
    ]
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
        run_in_the_background(docker)
        meet_the_limits(docker)


Docker = Callable[..., subprocess.CompletedProcess[str]]
COMMON = ("--runtime", "lowrt", "--network", "none")


def run_in_the_background(docker: Docker) -> None:
    """Everything that one does to a container that runs."""
    limits = ("--memory", "64m", "--cpus", "0.5", "--pids-limit", "20")
    done = docker("run", "-d", "--name", "c1", *COMMON, *limits, "busybox", "sh", "-c", "echo logged; exec sleep 1000")
    assert done.returncode == 0, done.stderr
    try:
        assert docker("exec", "c1", "id", "-u").stdout == "0\n"
        assert docker("exec", "c1", "nope").returncode in (126, 127)
        assert docker("logs", "c1").stdout == "logged\n"
        stats = json.loads(docker("stats", "--no-stream", "--format", "{{json .}}", "c1").stdout)
        assert stats["PIDs"] == "1"
        assert stats["MemUsage"].endswith("/ 64MiB")
        assert docker("update", "--memory", "32m", "--memory-swap", "32m", "c1").returncode == 0
        assert "/ 32MiB" in docker("stats", "--no-stream", "--format", "{{.MemUsage}}", "c1").stdout
        assert docker("pause", "c1").returncode == 0
        assert docker("inspect", "-f", "{{.State.Status}}", "c1").stdout == "paused\n"
        assert docker("unpause", "c1").returncode == 0
    finally:
        assert docker("rm", "--force", "c1").returncode == 0


def meet_the_limits(docker: Docker) -> None:
    """Memory, processes and processor time, each of them felt."""
    greedy = ("dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1")
    memory = ("--memory", "16m", "--memory-swap", "16m")
    assert docker("run", "--name", "c2", *COMMON, *memory, "busybox", *greedy).returncode == 137
    assert docker("inspect", "-f", "{{.State.OOMKilled}}", "c2").stdout == "true\n"
    docker("rm", "c2")
    forks = "for i in 1 2 3 4 5 6 7 8 9 10; do sleep 1000 & done"
    assert "can't fork" in docker("run", "--rm", *COMMON, "--pids-limit", "5", "busybox", "sh", "-c", forks).stderr
    busy = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; cd /sys/fs/cgroup; cat cpu.stat cpu/cpu.stat 2>/dev/null"
    done = docker("run", "--rm", *COMMON, "--cpus", "0.1", "busybox", "sh", "-c", busy)
    assert int(done.stdout.split("nr_throttled ")[1].split()[0]) > 0, done.stdout
