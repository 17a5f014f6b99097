"""The swap matrix: every engine on every supervisor, shim and runtime, each cell one container's real life.

{dockerd, wherryd} × {containerd, wherry-supervisor} × {containerd-shim-runc-v2, containerd-shim-wherry-v2} × {runc,
crun, lowrt}. Docker's engine chooses a shim by the name containerd-shim-runc-v2 alone, so ours takes that name in its
supervisor's PATH; our engine names either shim. Our engine needs containerd's Transfer service: its containerd is the
peers' 2.x. At the end it prints the table that the README shows.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests import needs
from tests.daemons import crun_accepts_this_host, peers_programs, running, unmount_below
from tests.images import busybox_archive

pytestmark = [
    needs.root,
    needs.overlay,
    *(needs.binary(name) for name in ("docker", "dockerd", "containerd", "runc", "containerd-shim-runc-v2")),
]

BIN = Path(sys.executable).parent
LAUNCHERS = Path(__file__).resolve().parents[2] / "deploy" / "bin"
DEBIAN = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DOCKER = "/usr/bin/docker"
WORKS = "works"
RUNTIMES = {"runc": "/usr/sbin/runc", "crun": "/usr/bin/crun", "lowrt": str(LAUNCHERS / "lowrt")}
STACKS = [
    (engine, supervisor, shim)
    for engine in ("dockerd", "wherryd")
    for supervisor in ("containerd", "wherry-supervisor")
    for shim in ("containerd-shim-runc-v2", "containerd-shim-wherry-v2")
]


class Cell:
    """A stack that answers, and the docker CLI for it."""

    def __init__(self, folder: Path, names: tuple[str, str, str]) -> None:
        self.folder = folder
        self.names = names
        self.address = folder / "d.sock"
        self.supervisor = folder / "c.sock"

    def docker(self, *words: str, code: int = 0) -> str:
        """Run the stock CLI; its standard output."""
        done = subprocess.run(
            [DOCKER, "-H", f"unix://{self.address}", *words],
            capture_output=True,
            text=True,
            timeout=60,
            stdin=subprocess.DEVNULL,
            check=False,
            env={**os.environ, "DOCKER_CONFIG": str(self.folder)},
        )
        logs = "".join(log.read_text(errors="replace")[-1500:] for log in self.folder.glob("*.log"))
        assert done.returncode == code, f"docker {' '.join(words)}: {done.returncode} {done.stderr}\n{logs}"
        return done.stdout


@pytest.fixture(scope="module", autouse=True)
def crun_runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """For as long as the matrix lasts."""
    with crun_accepts_this_host(tmp_path_factory.mktemp("h")):
        yield


@pytest.fixture(scope="module")
def table(request: pytest.FixtureRequest) -> Iterator[dict[tuple[str, ...], str]]:
    """What came of each cell, printed in markdown when all are done."""
    cells: dict[tuple[str, ...], str] = {}
    yield cells
    lines = [["engine", "supervisor", "shim", *RUNTIMES], ["---"] * 6]
    lines += [[*names, *(cells.get((*names, runtime), "not run") for runtime in RUNTIMES)] for names in STACKS]
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print("", *(f"| {' | '.join(line)} |" for line in lines), sep="\n")


@pytest.fixture(scope="module", params=STACKS, ids="-".join)
def stack(request: pytest.FixtureRequest) -> Iterator[Cell]:
    """One engine on one supervisor, with one shim, on private paths."""
    engine, supervisor, shim = request.param
    folder = Path(f"/run/wherry-matrix-{os.getpid()}-{STACKS.index(request.param)}")
    folder.mkdir()
    cell = Cell(folder, request.param)
    try:
        with ExitStack() as daemons:
            environment = {"PATH": f"{_shims(folder, shim)}:{_programs(engine, supervisor)}"}
            words = [*_supervisor(supervisor), "--root", f"{folder}/cr", "--state", f"{folder}/cs"]
            words += ["-a", str(cell.supervisor)]
            daemons.enter_context(running(words, cell.supervisor, folder / "supervisor.log", "", environment))
            words = [*_engine(engine, folder, shim), "-H", f"unix://{cell.address}", "--bridge", "none"]
            words += ["--containerd", str(cell.supervisor), "-p", f"{folder}/pid"]
            words += ["--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec"]
            daemons.enter_context(running(words, cell.address, folder / "engine.log"))
            cell.docker("load", "-i", str(busybox_archive(folder / "busybox.tar")))
            yield cell
    finally:
        unmount_below(folder)
        shutil.rmtree(folder)


def _shims(folder: Path, shim: str) -> Path:
    """A folder for the supervisor's PATH in which both names of the shim are the one asked for."""
    programs = folder / "bin"
    programs.mkdir()
    target = LAUNCHERS / shim if shim == "containerd-shim-wherry-v2" else Path(f"/usr/bin/{shim}")
    for name in ("containerd-shim-runc-v2", "containerd-shim-wherry-v2"):
        (programs / name).symlink_to(target)
    return programs


def _programs(engine: str, supervisor: str) -> str:
    """Our engine needs the newer containerd."""
    if supervisor == "containerd" and engine == "wherryd":
        newest = peers_programs()
        if newest is None:
            pytest.skip("needs ../shared/peers: Debian's containerd has no Transfer service")
        return f"{newest}:{DEBIAN}"
    return DEBIAN


def _supervisor(name: str) -> list[str]:
    return [name] if name == "containerd" else [str(BIN / name)]


def _engine(name: str, folder: Path, shim: str) -> list[str]:
    """The engine with the three runtimes `m-runc`, `m-crun`, `m-lowrt`."""
    runtimes: dict[str, object] = {f"m-{short}": {"path": path} for short, path in RUNTIMES.items()}
    if name == "wherryd":
        runtimes = {
            f"m-{short}": {"runtimeType": _runtime_type(shim), "options": {"BinaryName": path}}
            for short, path in RUNTIMES.items()
        }
    config = folder / "daemon.json"
    config.write_text(json.dumps({"runtimes": runtimes}))
    flags = ["--config-file", str(config)]
    if name == "dockerd":
        return ["/usr/sbin/dockerd", *flags, "--iptables=false", "--ip-forward=false"]
    return [str(BIN / name), *flags]


def _runtime_type(shim: str) -> str:
    return "io.containerd.runc.v2" if shim == "containerd-shim-runc-v2" else "io.containerd.wherry.v2"


@pytest.mark.parametrize("runtime", ["runc", pytest.param("crun", marks=needs.binary("crun")), "lowrt"])
def test_a_container_lives_its_life(stack: Cell, runtime: str, table: dict[tuple[str, ...], str]) -> None:
    """run, exec, logs, stop, exit codes, remove."""
    table[*stack.names, runtime] = "fails"
    common = ["--network", "none", "--runtime", f"m-{runtime}"]
    assert stack.docker("run", "--rm", *common, "busybox", "echo", "hi") == "hi\n"
    stack.docker("run", "--rm", *common, "busybox", "sh", "-c", "exit 3", code=3)
    script = "trap 'echo bye; exit 9' TERM; echo started; while :; do sleep 0.05; done"
    container = stack.docker("run", "-d", *common, "busybox", "sh", "-c", script).strip()
    assert stack.docker("exec", container, "echo", "beside") == "beside\n"
    stack.docker("exec", container, "sh", "-c", "exit 5", code=5)
    stack.docker("stop", container)
    assert stack.docker("logs", container) == "started\nbye\n"
    assert stack.docker("inspect", "-f", "{{.State.ExitCode}}", container) == "9\n"
    stack.docker("rm", container)
    assert stack.docker("ps", "-aq") == ""
    table[*stack.names, runtime] = WORKS
