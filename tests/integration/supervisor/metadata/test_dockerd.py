"""A real dockerd whose containerd is our supervisor: with its own graph driver, and with containerd's image store."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import needs
from tests.images import busybox_archive
from tests.supervisor_process import Supervisor

pytestmark = [needs.root, needs.overlay]

PEERS = Path(os.environ.get("PEERS_ROOT", "/var/cache/wherry-peers")) / "native" / "bin"
DEBIAN, NEWEST = shutil.which("dockerd", path="/usr/sbin:/usr/bin"), PEERS / "dockerd"


class Docker:
    """One dockerd and its CLI."""

    def __init__(self, folder: Path, cli: str) -> None:
        self._command = [cli, "-H", f"unix://{folder}/d.sock"]

    def __call__(self, *words: str, check: bool = True) -> str:
        done = subprocess.run([*self._command, *words], capture_output=True, text=True, timeout=60, check=False)
        assert not check or done.returncode == 0, done.stderr
        return done.stdout.strip()


@contextlib.contextmanager
def dockerd(program: str, cli: str, folder: Path, containerd: str, *, image_store: bool) -> Iterator[Docker]:
    """Without networks, on private paths."""
    (folder / "daemon.json").write_text(
        json.dumps({"features": {"containerd-snapshotter": True}} if image_store else {})
    )
    flags = ["--config-file", str(folder / "daemon.json"), "--bridge", "none", "--iptables=false"]
    places = ["--data-root", str(folder / "data"), "--exec-root", str(folder / "exec"), "-p", str(folder / "pid")]
    environment = {**os.environ, "PATH": f"{Path(program).parent}:{os.environ['PATH']}"}
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(
            [program, *flags, *places, "-H", f"unix://{folder}/d.sock", "--containerd", containerd],
            stdout=log,
            stderr=log,
            env=environment,
        )
    docker = Docker(folder, cli)
    try:
        deadline = time.monotonic() + 30
        while not docker("version", "--format", "{{.Server.Version}}", check=False):
            alive = process.poll() is None and time.monotonic() < deadline
            assert alive, (folder / "log").read_text()[-3000:]
            time.sleep(0.2)
        yield docker
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        subprocess.run(
            ["umount", "-R", "-l", str(folder / "exec" / "netns" / "default")], check=False, capture_output=True
        )


CASES = [
    pytest.param(
        DEBIAN, "/usr/bin/docker", False, id="debian", marks=pytest.mark.skipif(not DEBIAN, reason="needs dockerd")
    ),
    *(
        pytest.param(
            str(NEWEST),
            str(PEERS / "docker"),
            image_store,
            id=f"newest-{'image-store' if image_store else 'graph-driver'}",
            marks=pytest.mark.skipif(not NEWEST.exists(), reason="needs the peers"),
        )
        for image_store in (False, True)
    ),
]


@pytest.mark.parametrize(("program", "cli", "image_store"), CASES)
def test_dockerd_runs_on_our_supervisor(program: str, cli: str, image_store: bool, tmp_path: Path) -> None:
    """Load, run, exec, kill, commit, remove; in the end nothing is left in its namespace."""
    with Supervisor(tmp_path) as supervisor:
        with dockerd(program, cli, tmp_path, supervisor.address, image_store=image_store) as docker:
            archive = busybox_archive(tmp_path / "busybox.tar")
            docker("load", "-i", str(archive))
            assert docker("run", "--rm", "--net", "none", "busybox", "echo", "hi") == "hi"
            docker("run", "-d", "--name", "sleeper", "--net", "none", "busybox", "sleep", "1000")
            assert docker("exec", "sleeper", "cat", "/proc/1/comm") == "sleep"
            docker("kill", "sleeper")
            assert docker("wait", "sleeper") == "137"
            docker("commit", "sleeper", "made")
            assert docker("run", "--rm", "--net", "none", "made", "true") == ""
            docker("rm", "sleeper")
            docker("rmi", "made", "busybox")
            assert docker("images", "-q") == ""
        for kind in ("containers", "images", "leases", "snapshots", "content"):
            listed = supervisor.ctr(kind, "ls", namespace="moby").stdout.splitlines()
            assert len(listed) <= 1, listed
