"""dockerd 28 keeps its images in our supervisor: load, run, commit, save, push, pull, and BuildKit's build."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import needs
from tests.images import busybox_archive
from tests.registry_process import DockerRegistry
from tests.supervisor_process import Supervisor

PROGRAMS = Path(os.environ.get("PEERS_ROOT", "/var/cache/wherry-peers")) / "native" / "bin"

pytestmark = [
    needs.root,
    needs.overlay,
    needs.binary("docker-registry"),
    pytest.mark.skipif(not (PROGRAMS / "dockerd").exists(), reason="needs ../shared/peers set up"),
]

Docker = Callable[..., str]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    with DockerRegistry(tmp_path_factory.mktemp("r")) as registry:
        yield registry


@pytest.fixture(scope="module")
def docker(tmp_path_factory: pytest.TempPathFactory, registry: DockerRegistry) -> Iterator[Docker]:
    folder = tmp_path_factory.mktemp("d")
    environment = {
        **os.environ,
        "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
        "DOCKER_CONFIG": str(PROGRAMS.parent / "docker"),
    }
    address = f"unix://{folder}/d.sock"

    def run(*words: str, check: bool = True) -> str:
        command = [str(PROGRAMS / "docker"), "-H", address, *words]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        if check and done.returncode:
            raise AssertionError(
                f"docker {' '.join(words)}\n{done.stdout}{done.stderr}\n{(folder / 'log').read_text()[-3000:]}"
            )
        return done.stdout

    with Supervisor(folder) as supervisor:
        config = {
            "features": {"containerd-snapshotter": True},
            "hosts": [address],
            "containerd": supervisor.address,
            "data-root": str(folder / "data"),
            "exec-root": str(folder / "exec"),
            "pidfile": str(folder / "pid"),
            "bridge": "none",
            "iptables": False,
            "ip6tables": False,
            "insecure-registries": [registry.host],
        }
        (folder / "daemon.json").write_text(json.dumps(config))
        with open(folder / "log", "wb") as log:
            process = subprocess.Popen(
                [PROGRAMS / "dockerd", "--config-file", str(folder / "daemon.json")],
                env=environment,
                stdout=log,
                stderr=log,
            )
        try:
            for _ in range(200):
                if run("version", check=False).count("Version:") > 1:
                    break
                time.sleep(0.1)
            run("load", "-i", str(busybox_archive(folder / "busybox.tar")))
            yield run
        finally:
            process.terminate()
            process.wait(timeout=30)
            for point in sorted(_mounts(folder), reverse=True):
                subprocess.run(["umount", "-l", point], check=False)


def _mounts(folder: Path) -> list[str]:
    """What dockerd itself leaves mounted (its data folder, made private)."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [point for point in (line.split()[4] for line in lines) if point.startswith(f"{folder}/data")]


def test_a_loaded_image_runs(docker: Docker) -> None:
    assert docker("run", "--rm", "--network", "none", "busybox", "echo", "hi") == "hi\n"
    assert "overlayfs" in docker("info", "--format", "{{.Driver}}")


def test_changes_are_committed_saved_pushed_and_pulled(
    docker: Docker, registry: DockerRegistry, tmp_path: Path
) -> None:
    name = f"{registry.host}/mine:1"
    docker("run", "--name", "changed", "--network", "none", "busybox", "sh", "-c", "echo x > /new; rm /etc/group")
    docker("commit", "changed", name)
    docker("rm", "changed")
    docker("save", name, "-o", str(tmp_path / "saved.tar"))
    docker("push", name)
    docker("rmi", name)
    docker("pull", name)
    look = ("run", "--rm", "--network", "none", name, "sh", "-c", "cat /new; ls /etc")
    assert docker(*look).split() == ["x", "hostname", "hosts", "mtab", "passwd", "resolv.conf"]
    docker("rmi", name)
    docker("load", "-i", str(tmp_path / "saved.tar"))
    assert docker(*look).startswith("x\n")


def test_buildkit_builds_on_our_content_and_snapshots(docker: Docker, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM busybox\nCOPY f /f\nRUN cat /f > /g && rm /etc/group\n")
    (tmp_path / "f").write_text("hello\n")
    docker("build", "--network", "none", "-t", "built", str(tmp_path))
    assert docker("run", "--rm", "--network", "none", "built", "cat", "/g") == "hello\n"
