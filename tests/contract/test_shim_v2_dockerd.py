"""Our shim as the one below Debian's dockerd and containerd: Docker's own view of what a shim must do."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import needs
from tests.contract.shim_v2 import World, wait_until
from tests.images import busybox_archive

pytestmark = [
    needs.root,
    needs.overlay,
    *(needs.binary(name) for name in ("busybox", "containerd", "dockerd", "docker", "runc")),
]

DEBIAN = "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
DOCKER = "/usr/bin/docker"


class Dockerd:
    """A dockerd without network, on a containerd whose runc shim is ours."""

    def __init__(self, world: World) -> None:
        self._folder = world.folder / "docker"
        self._folder.mkdir()
        self._host = f"unix://{self._folder}/d.sock"
        runtimes = (f"lowrt={Path(sys.executable).parent / 'lowrt'}", "crun=/usr/bin/crun")
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *("dockerd", "-H", self._host, "--containerd", world.address, "--bridge", "none"),
                    *("--iptables=false", "--ip-forward=false", "-p", f"{self._folder}/pid"),
                    *("--data-root", f"{self._folder}/root", "--exec-root", f"{self._folder}/exec"),
                    *(word for runtime in runtimes for word in ("--add-runtime", runtime)),
                ],
                env=world.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_until(lambda: self.docker("version").returncode == 0, "dockerd answers", 20)

    def docker(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run the client."""
        return subprocess.run(
            ["timeout", "-k", "1", "30", DOCKER, "-H", self._host, *words],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "DOCKER_CONFIG": str(self._folder)},
        )

    def close(self) -> None:
        """Leave no container and no daemon."""
        if names := self.docker("ps", "-aq").stdout.split():
            self.docker("rm", "-f", *names)
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(20)


@pytest.fixture(scope="module")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dockerd]:
    """With the image in it."""
    folder = tmp_path_factory.mktemp("dk")
    world = World(folder, DEBIAN)
    world.start()
    try:
        daemon = Dockerd(world)
        try:
            archive = busybox_archive(folder / "busybox.tar", kind="docker")
            assert daemon.docker("load", "-i", str(archive)).returncode == 0
            yield daemon
        finally:
            daemon.close()
    finally:
        world.close()


@pytest.fixture(params=["runc", "lowrt", pytest.param("crun", marks=needs.binary("crun"))])
def run(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """`run` with an OCI runtime."""
    return ("run", "--network", "none", "--runtime", request.param)


def test_output_input_and_codes(docker: Dockerd, run: tuple[str, ...]) -> None:
    """The command's own code, and what it read."""
    done = docker.docker(*run, "--rm", "-i", "busybox", "sh", "-c", "cat; echo err >&2; exit 7", stdin="piped\n")
    assert (done.returncode, done.stdout, done.stderr) == (7, "piped\n", "err\n")


def test_a_missing_program_is_dockers_own_failure(docker: Dockerd, run: tuple[str, ...]) -> None:
    """127 by runc's words; crun has others, which dockerd does not know."""
    done = docker.docker(*run, "--rm", "busybox", "nope")
    assert done.returncode == (125 if "crun" in run else 127)
    assert "failed to create shim task: OCI runtime create failed: " in done.stderr


def test_a_life_with_everything(docker: Dockerd, run: tuple[str, ...]) -> None:
    """exec, top, stats, pause, logs, stop."""
    script = "trap 'exit 9' TERM; echo started; while :; do sleep 0.05; done"
    name = docker.docker(*run, "-d", "-m", "64m", "busybox", "sh", "-c", script).stdout.strip()
    done = docker.docker("exec", name, "echo", "beside")
    assert (done.returncode, done.stdout) == (0, "beside\n")
    assert "sleep" in docker.docker("top", name).stdout
    assert "64MiB" in docker.docker("stats", "--no-stream", name).stdout
    docker.docker("pause", name)
    assert "Paused" in docker.docker("ps", "--format", "{{.Status}}").stdout
    docker.docker("unpause", name)
    docker.docker("stop", name)
    assert docker.docker("logs", name).stdout == "started\n"
    assert docker.docker("inspect", "-f", "{{.State.ExitCode}}", name).stdout == "9\n"
    docker.docker("rm", name)


@needs.cgroup1
def test_out_of_memory_is_known_as_that(docker: Dockerd, run: tuple[str, ...]) -> None:
    """By the shim's event."""
    done = docker.docker(*run, "--name", f"hungry-{run[-1]}", "-m", "16m", "busybox", "tail", "/dev/zero")
    assert done.returncode == 137
    state = docker.docker("inspect", "-f", "{{.State.OOMKilled}} {{.State.ExitCode}}", f"hungry-{run[-1]}").stdout
    assert state == "true 137\n"
