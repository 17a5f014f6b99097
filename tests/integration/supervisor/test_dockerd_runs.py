"""dockerd with our supervisor in containerd's place: containers of a stock Docker run on it.

Debian's keeps images itself; the newest, where it is at hand, keeps them in the supervisor.
"""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import needs
from tests.daemons import unmount_below
from tests.supervisor_process import Supervisor, eventually

pytestmark = [
    needs.root,
    needs.overlay,
    needs.binary("dockerd"),
    needs.binary("docker"),
    needs.binary("runc"),
    needs.binary("containerd-shim-runc-v2"),
    needs.binary("busybox"),
]


PEERS = Path(os.environ.get("PEERS_ROOT", "/var/cache/wherry-peers")) / "native" / "bin"


class Docker:
    """A dockerd that is killed and started at will on the same folders, and a docker CLI on it."""

    def __init__(self, folder: Path, containerd: str, path: str, features: dict[str, bool]) -> None:
        self.folder = folder
        self._environment = {**os.environ, "PATH": path, "DOCKER_HOST": f"unix://{folder / 'd.sock'}"}
        program = shutil.which("dockerd", path=path)
        assert program is not None
        (folder / "daemon.json").write_text(json.dumps({"features": features} if features else {}))
        self._command = [program, "--config-file", str(folder / "daemon.json"), "--live-restore"]
        self._command += ["--bridge", "none", "--iptables=false", "--ip6tables=false", "--containerd", containerd]
        self._command += ["--data-root", str(folder / "data"), "--exec-root", str(folder / "exec")]
        self._command += ["-p", str(folder / "pid"), "-H", f"unix://{folder / 'd.sock'}"]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with open(self.folder / "log", "ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, env=self._environment)
        eventually(lambda: self.succeeds("version"), timeout=60, what="dockerd answers")

    def end(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)
        self._process.wait(timeout=60)

    def __call__(self, *words: str, code: int = 0) -> str:
        done = subprocess.run(
            ["docker", *words], env=self._environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == code, f"docker {' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}"
        return (done.stdout + done.stderr).strip()

    def succeeds(self, *words: str) -> bool:
        command = ["docker", *words]
        return subprocess.run(command, env=self._environment, capture_output=True, check=False).returncode == 0

    def state(self, name: str, field: str) -> str:
        return self("inspect", "-f", f"{{{{.State.{field}}}}}", name)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("/usr/sbin:/usr/bin:/sbin:/bin", id="debian"),
        pytest.param(
            f"{PEERS}:{os.environ['PATH']}",
            id="newest",
            marks=pytest.mark.skipif(not (PEERS / "dockerd").exists(), reason="needs the peers"),
        ),
    ],
)
def docker(
    request: pytest.FixtureRequest, supervisor: Supervisor, busybox_tar: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Docker]:
    newest = request.param.startswith(str(PEERS))
    features = {"containerd-snapshotter": True} if newest else {}
    cli = Docker(tmp_path_factory.mktemp("d"), supervisor.address, request.param, features)
    cli.start()
    try:
        cli("load", "-i", str(busybox_tar))
        yield cli
        names = cli("ps", "-aq").split()
        if names:
            cli("rm", "-f", *names)
    finally:
        cli.end(signal.SIGTERM)
        unmount_below(cli.folder)  # a dockerd that was killed leaves its own folder a mount point


def test_run_shows_the_output_and_the_exit_code(docker: Docker) -> None:
    assert docker("run", "--rm", "busybox", "echo", "hi") == "hi"
    docker("run", "--rm", "busybox", "sh", "-c", "exit 9", code=9)
    assert 'exec: "nope": executable file not found in $PATH' in docker("run", "--rm", "busybox", "nope", code=127)
    docker("run", "--rm", "busybox", "/tmp", code=126)


def test_a_container_lives_from_run_to_rm(docker: Docker) -> None:
    docker("run", "-d", "--name", "lives", "busybox", "sh", "-c", "echo started; sleep 1000")
    assert docker("exec", "lives", "echo", "beside") == "beside"
    eventually(lambda: docker("logs", "lives") == "started")
    assert "sleep 1000" in docker("top", "lives")
    assert "lives" in docker("stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}} {{.PIDs}}", "lives")
    docker("pause", "lives")
    assert docker.state("lives", "Status") == "paused"
    docker("unpause", "lives")
    docker("stop", "-t", "0", "lives")
    assert docker.state("lives", "ExitCode") == "137"
    docker("start", "lives")
    first = docker.state("lives", "Pid")
    docker("restart", "-t", "0", "lives")
    assert docker.state("lives", "Pid") != first
    docker("rm", "-f", "lives")


def test_containers_outlive_the_supervisor(docker: Docker, supervisor: Supervisor) -> None:
    docker("run", "-d", "--name", "survivor", "busybox", "sleep", "1000")
    pid = docker.state("survivor", "Pid")
    supervisor.kill()
    supervisor.start()
    # dockerd's client waits longer and longer between its attempts to connect
    eventually(lambda: docker.succeeds("exec", "survivor", "true"), timeout=30)
    assert docker("exec", "survivor", "echo", "still here") == "still here"
    assert docker.state("survivor", "Pid") == pid
    docker("rm", "-f", "survivor")


def test_containers_outlive_dockerd(docker: Docker) -> None:
    """Killed, with live-restore: what goes on is found again, what ended meanwhile has its own exit code."""
    docker("run", "-d", "--name", "goes-on", "busybox", "sh", "-c", "echo one; sleep 1000")
    docker("run", "-d", "--name", "ends", "busybox", "sh", "-c", "while ! test -e /now; do sleep 0.1; done; exit 7")
    pid, ends = docker.state("goes-on", "Pid"), docker.state("ends", "Pid")
    docker.end(signal.SIGKILL)
    Path(f"/proc/{ends}/root/now").touch()
    eventually(lambda: not Path(f"/proc/{ends}").exists(), timeout=60)
    docker.start()
    assert docker.state("goes-on", "Pid") == pid
    assert docker("exec", "goes-on", "echo", "still here") == "still here"
    assert docker("logs", "goes-on") == "one"
    eventually(lambda: docker.state("ends", "Status") == "exited", timeout=60)
    assert docker.state("ends", "ExitCode") == "7"
    docker("rm", "-f", "goes-on", "ends")


def test_a_killed_shim_is_a_container_that_was_killed(docker: Docker, supervisor: Supervisor) -> None:
    container = docker("run", "-d", "--name", "orphan", "busybox", "sleep", "1000")
    (shim,) = (pid for pid in supervisor.shim_pids() if f"\0{container}\0" in Path(f"/proc/{pid}/cmdline").read_text())
    os.kill(shim, signal.SIGKILL)
    eventually(lambda: docker.state("orphan", "Status") == "exited", timeout=60)
    assert docker.state("orphan", "ExitCode") == "137"
    docker("start", "orphan")
    docker("rm", "-f", "orphan")
