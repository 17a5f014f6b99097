"""lowrt in the place of runc under podman, Debian's and the newest: conmon calls it, podman reads words and codes."""

import json
import os
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lowrt.cgroup import files
from tests import needs
from tests.contract.oci_runtime import make_rootfs
from tests.integration.lowrt.environment import cgroup_folders
from tests.integration.lowrt.runtimes import LOWRT

pytestmark = [needs.root, needs.binary("busybox")]

NOBODY = 65534
MIB = 1 << 20
PEERS = Path(os.environ.get("PEERS_ROOT", "/var/cache/wherry-peers")) / "native" / "bin"
GENERATIONS = {"debian": Path("/usr/bin/podman"), "newest": PEERS / "podman"}


class Podman:
    """One podman on private paths, without a network."""

    def __init__(self, program: Path, folder: Path, user: int | None = None) -> None:
        self.folder = folder
        self.user = user
        self.parent = f"/wherry-podman-{uuid.uuid4().hex[:12]}"
        runtime = folder / "lowrt"
        runtime.write_text(f'#!/bin/sh\nexec {" ".join(LOWRT)} "$@"\n')
        helper = folder / "netavark"  # the newest one does not start without, though nobody wants a network
        helper.write_text("#!/bin/sh\nexit 1\n")
        for path in (runtime, helper):
            path.chmod(0o755)
        (folder / "run").mkdir(mode=0o700)
        (folder / "storage.conf").write_text(
            f'[storage]\ndriver = "vfs"\ngraphroot = "{folder}/root"\nrunroot = "{folder}/run/storage"\n'
        )
        (folder / "containers.conf").write_text(
            f'[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "none"\ntmp_dir = "{folder}/tmp"\n'
            f'helper_binaries_dir = ["{folder}"]\n'
            '[containers]\nnetns = "none"\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n'
        )
        self._command = [str(program), "--runtime", str(runtime)]
        self._environment = {
            "HOME": str(folder),
            "PATH": f"{program.parent}:/usr/sbin:/usr/bin:/sbin:/bin",
            "XDG_RUNTIME_DIR": str(folder / "run"),
            "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
            "CONTAINERS_CONF": str(folder / "containers.conf"),
            "PODMAN_IGNORE_CGROUPSV1_WARNING": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        make_rootfs(folder / "rootfs")
        subprocess.run(["tar", "-C", str(folder / "rootfs"), "-cf", str(folder / "image.tar"), "."], check=True)
        if user is not None:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, user, user, follow_symlinks=False)
        self.out("import", str(folder / "image.tar"), "box")

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._command, *words],
            env=self._environment,
            cwd=self.folder,
            user=self.user,
            group=self.user,
            extra_groups=None if self.user is None else [],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def run(self, *words: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        """`run`, with the log in a file."""
        place = () if self.user else ("--cgroup-parent", self.parent)
        common = ("--log-driver", "k8s-file", *place, *options)
        return self("run", *common, "box", *words)

    def out(self, *words: str) -> str:
        done = self(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def clean_up(self) -> None:
        """Containers, the process that keeps a user's namespaces, cgroups."""
        self("rm", "--all", "--force", "--time", "0")
        if self.user is not None:
            self("system", "migrate")
        for folder in cgroup_folders(self.parent).values():
            files.remove(str(folder))  # conmon may still be on its way out
        shutil.rmtree(self.folder)


Make = Callable[..., Podman]


@pytest.fixture(params=GENERATIONS)
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    program = GENERATIONS[request.param]
    if not program.exists():
        pytest.skip(f"needs {program}")
    made: list[Podman] = []

    def start(user: int | None = None) -> Podman:
        folder = Path(tempfile.mkdtemp(prefix="wherry-podman-"))  # short: sockets lie in it
        folder.chmod(0o755)
        made.append(Podman(program, folder, user))
        return made[0]

    yield start
    for podman in made:
        podman.clean_up()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def limit(podman: Podman, identifier: str) -> str:
    folders = cgroup_folders(f"{podman.parent}/libpod-{identifier}")
    path = folders[""] / "memory.max" if "memory" not in folders else folders["memory"] / "memory.limit_in_bytes"
    return path.read_text().strip()


def test_podman_runs_execs_shows_pauses_updates_and_stops(make: Make) -> None:
    podman = make()
    done = podman.run("sh", "-c", "echo out; echo err >&2; exit 5", options=("--rm",))
    assert (done.returncode, done.stdout, done.stderr) == (5, "out\n", "err\n")
    assert podman.run("nope", options=("--rm",)).returncode == 127

    limits = ("--memory", "64m", "--pids-limit", "20", "--cpus", "0.5")
    done = podman.run("sh", "-c", "echo logged; exec sleep 1000", options=("-d", "--name", "c1", *limits))
    assert done.returncode == 0, done.stderr
    identifier = done.stdout.strip()
    until(lambda: podman.out("logs", "c1") == "logged\n")
    assert limit(podman, identifier) == str(64 * MIB)

    assert podman.out("exec", "c1", "id", "-u") == "0\n"
    assert podman.out("exec", "-t", "c1", "echo", "on a terminal") == "on a terminal\n"
    assert podman("exec", "c1", "sh", "-c", "exit 7").returncode == 7
    assert podman("exec", "c1", "nope").returncode == 127

    stats = json.loads(podman.out("stats", "--no-stream", "--format", "json", "c1"))[0]
    assert stats["pids"] == "1"
    assert "67.11MB" in stats["mem_usage"]

    podman.out("pause", "c1")
    assert podman.out("inspect", "c1", "--format", "{{.State.Status}}") == "paused\n"
    assert podman("exec", "c1", "true").returncode != 0
    podman.out("unpause", "c1")
    podman.out("update", "--memory", "32m", "c1")
    assert limit(podman, identifier) == str(32 * MIB)
    assert "sleep 1000" in podman.out("top", "c1")

    podman.out("stop", "--time", "0", "c1")
    assert podman.out("inspect", "c1", "--format", "{{.State.ExitCode}}") == "137\n"
    podman.out("start", "c1")
    podman.out("kill", "c1")
    assert podman.out("wait", "c1") == "137\n"


def test_podmans_limits_bite(make: Make) -> None:
    podman = make()
    memory = ("--rm", "--memory", "16m", "--memory-swap", "16m")
    assert (
        podman.run("busybox", "dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1", options=memory).returncode
        == 137
    )
    forks = "for i in 1 2 3 4 5 6 7 8 9 10; do sleep 1000 & done"
    done = podman.run("sh", "-c", forks, options=("--rm", "--pids-limit", "5"))
    assert "can't fork" in done.stderr
    done = podman.run("sh", "-c", "echo x > /x", options=("--rm", "--read-only"))
    assert "Read-only file system" in done.stderr


def test_an_ordinary_users_podman_runs_and_execs(make: Make) -> None:
    """He is root only in the user namespace that podman has made before."""
    podman = make(NOBODY)
    assert podman.run("id", "-u", options=("--rm",)).stdout == "0\n"
    done = podman.run("sh", "-c", "echo logged; exec sleep 1000", options=("-d", "--name", "c1"))
    assert done.returncode == 0, done.stderr
    assert podman.out("exec", "c1", "cat", "/proc/self/uid_map").split() == ["0", str(NOBODY), "1"]
    assert podman.out("exec", "-t", "c1", "echo", "on a terminal") == "on a terminal\n"
    until(lambda: podman.out("logs", "c1") == "logged\n")
    podman.out("kill", "c1")
    assert podman.out("wait", "c1") == "137\n"
