"""dockerd with our supervisor in containerd's place: containers of a stock Docker run on it.

Debian's keeps images itself; the newest, where it is at hand, keeps them in the supervisor.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import needs
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
    """A docker CLI on a dockerd of its own."""

    def __init__(self, socket: Path, path: str) -> None:
        self._environment = {**os.environ, "PATH": path, "DOCKER_HOST": f"unix://{socket}"}

    def __call__(self, *words: str, code: int = 0) -> str:
        done = subprocess.run(
            ["docker", *words], env=self._environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == code, f"docker {' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}"
        return (done.stdout + done.stderr).strip()

    def succeeds(self, *words: str) -> bool:
        command = ["docker", *words]
        return subprocess.run(command, env=self._environment, capture_output=True, check=False).returncode == 0


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
    folder = tmp_path_factory.mktemp("d")
    newest = request.param.startswith(str(PEERS))
    (folder / "daemon.json").write_text(json.dumps({"features": {"containerd-snapshotter": True}} if newest else {}))
    flags = ["--config-file", str(folder / "daemon.json"), "--bridge", "none", "--iptables=false", "--ip6tables=false"]
    folders = ["--data-root", str(folder / "data"), "--exec-root", str(folder / "exec"), "-p", str(folder / "pid")]
    sockets = ["--containerd", supervisor.address, "-H", f"unix://{folder / 'd.sock'}"]
    program = shutil.which("dockerd", path=request.param)
    assert program is not None
    with open(folder / "log", "wb") as log:
        daemon = subprocess.Popen(
            [program, *flags, *folders, *sockets], stdout=log, stderr=log, env={**os.environ, "PATH": request.param}
        )
    try:
        cli = Docker(folder / "d.sock", request.param)
        eventually(lambda: cli.succeeds("version"), timeout=30, what="dockerd answers")
        cli("load", "-i", str(busybox_tar))
        yield cli
        names = cli("ps", "-aq").split()
        if names:
            cli("rm", "-f", *names)
    finally:
        daemon.terminate()
        daemon.wait(timeout=30)


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
    docker("pause", "lives")
    assert docker("inspect", "-f", "{{.State.Status}}", "lives") == "paused"
    docker("unpause", "lives")
    docker("stop", "-t", "0", "lives")
    assert docker("inspect", "-f", "{{.State.ExitCode}}", "lives") == "137"
    docker("start", "lives")
    docker("rm", "-f", "lives")


def test_containers_outlive_the_supervisor(docker: Docker, supervisor: Supervisor) -> None:
    docker("run", "-d", "--name", "survivor", "busybox", "sleep", "1000")
    pid = docker("inspect", "-f", "{{.State.Pid}}", "survivor")
    supervisor.kill()
    supervisor.start()
    # dockerd's client waits longer and longer between its attempts to connect
    eventually(lambda: docker.succeeds("exec", "survivor", "true"), timeout=30)
    assert docker("exec", "survivor", "echo", "still here") == "still here"
    assert docker("inspect", "-f", "{{.State.Pid}}", "survivor") == pid
    docker("rm", "-f", "survivor")
