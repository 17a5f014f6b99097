"""Supervisors side by side: ours, and containerd of each generation that is here, under the same ctr.

Every contender runs its own default stack: ours with our shim and lowrt, containerd with its shim and runc. The image
is made of the host's own files, so that sizes and contents are those of a distribution; its layers are the same bytes
for everybody.
"""

import os
import subprocess
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from tests.bench.images import host_image
from tests.bench.measure import Job, in_turn, print_table
from tests.daemons import network_namespace, peers_programs, running
from tests.images import busybox_archive
from tests.registry_process import DockerRegistry
from tests.supervisor_process import PROGRAM, ROOT

BUSYBOX = "docker.io/library/busybox:latest"
BIG = "docker.io/library/big:1"
CONTAINERS = 50
IDLE_SECONDS = 10
WORKERS = 2
LIVES = 20
OLD_CTR = "/usr/bin/ctr"
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Contender:
    """One daemon that answers, and how to run containers on it."""

    name: str
    address: str
    runtime: str
    programs: str  # where its ctr of its own generation is
    transfers: bool

    def ctr(self, *words: str, program: str = OLD_CTR, check: bool = True) -> "subprocess.CompletedProcess[bytes]":
        """Run a ctr command; an error shows its words."""
        command = [program, "-a", self.address, *words]
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False)
        if check and done.returncode != 0:
            raise RuntimeError(f"{self.name}: {' '.join(command)}: {done.stderr.decode()}")
        return done


def run(folder: Path, rounds: int) -> None:
    """Time and print."""
    with ExitStack() as stack:
        namespace = stack.enter_context(network_namespace("wherry-bench-s"))
        found = [stack.enter_context(one) for one in _contenders(folder, namespace)]
        busybox = busybox_archive(folder / "busybox.tar")
        for one in found:
            one.ctr("images", "import", str(busybox))
        rows = {
            "ctr run --rm true": in_turn({one.name: _life(one) for one in found}, rounds),
            f"a life, {WORKERS} at a time": in_turn({one.name: _lives(one) for one in found}, max(rounds // 5, 2)),
        }
        rows[f"a life, {WORKERS} at a time"] = {
            name: seconds / (WORKERS * LIVES) for name, seconds in rows[f"a life, {WORKERS} at a time"].items()
        }
        print_table("Supervisors, under Debian's ctr", rows, ours="wherry")
        _idle(found)
        _images(folder, found, max(rounds // 10, 2))


def _life(one: Contender) -> Job:
    names = count()
    return lambda: one.ctr("run", "--rm", "--runtime", one.runtime, BUSYBOX, f"life-{next(names)}", "true")


def _lives(one: Contender) -> Job:
    rounds = count()

    def job() -> None:
        number = next(rounds)

        def worker(who: int) -> None:
            for turn in range(LIVES):
                one.ctr("run", "--rm", "--runtime", one.runtime, BUSYBOX, f"w{number}-{who}-{turn}", "true")

        threads = [threading.Thread(target=worker, args=(who,)) for who in range(WORKERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    return job


def _idle(found: list[Contender]) -> None:
    """Fifty containers that sleep: what they cost."""
    rows: dict[str, dict[str, float]] = {}
    busy: dict[str, dict[str, float]] = {}
    for one in found:
        names = [f"still-{number}" for number in range(CONTAINERS)]
        for name in names:
            one.ctr("run", "-d", "--runtime", one.runtime, BUSYBOX, name, "sleep", "100000")
        daemons, shims = _processes_of(one)
        time.sleep(2)  # what was started settles
        rows.setdefault("PSS per shim", {})[one.name] = _sum(shims, "Pss") / len(shims)
        rows.setdefault("private dirty per shim", {})[one.name] = _sum(shims, "Private_Dirty") / len(shims)
        rows.setdefault("RSS of the daemon", {})[one.name] = _sum(daemons, "Rss")
        before = _cpu(daemons | shims)
        time.sleep(IDLE_SECONDS)
        used = (_cpu(daemons | shims) - before) / _TICKS / IDLE_SECONDS
        busy.setdefault(f"CPU per second, {CONTAINERS} idle containers", {})[one.name] = max(used, 1e-9)
        for name in names:
            one.ctr("task", "kill", "-s", "KILL", name)
        for name in names:
            one.ctr("task", "delete", "-f", name, check=False)
            one.ctr("containers", "delete", name)
    print_table(f"Memory at {CONTAINERS} containers", rows, ours="wherry", unit="MB")
    print_table("Idle", busy, ours="wherry")


def _images(folder: Path, found: list[Contender], rounds: int) -> None:
    """Import, unpack and pull of an image of many megabytes."""
    rows: dict[str, dict[str, float]] = {}
    archives = {kind: host_image(folder / f"{kind}.tar", "big:1", kind) for kind in ("gzip", "zstd")}
    for kind, archive in archives.items():
        rows[f"import and unpack, {kind}"] = in_turn({one.name: _import(one, archive) for one in found}, rounds)
        newest = next((one.programs for one in found if one.transfers and one.programs), "")
        if newest:
            jobs = {one.name: _import(one, archive, f"{newest}/ctr") for one in found if one.transfers}
            rows[f"import and unpack, {kind}, transfer"] = in_turn(jobs, rounds)
    with DockerRegistry(folder / "registry") as registry:
        name = f"{registry.host}/big:1"
        found[0].ctr("images", "import", str(archives["gzip"]))
        found[0].ctr("images", "tag", BIG, name)
        found[0].ctr("images", "push", "--plain-http", name)
        for one in found:
            one.ctr("images", "rm", "--sync", BIG, name, check=False)
        rows["pull and unpack, gzip"] = in_turn({one.name: _pull(one, name) for one in found}, rounds)
    with tarfile.open(archives["gzip"]) as tar:
        size = sum(member.size for member in tar) / 1e6
    print_table(f"An image of {size:.0f} MB gzipped", rows, ours="wherry")


def _import(one: Contender, archive: Path, program: str = OLD_CTR) -> Job:
    def job() -> None:
        one.ctr("images", "import", str(archive), program=program)
        _forget(one, BIG)

    return job


def _pull(one: Contender, name: str) -> Job:
    def job() -> None:
        one.ctr("images", "pull", "--plain-http", name)
        _forget(one, name)

    return job


def _forget(one: Contender, name: str) -> None:
    """Remove image and content, and wait for it: the next round begins with nothing."""
    one.ctr("images", "rm", "--sync", name)


def _contenders(folder: Path, namespace: str) -> Iterator[AbstractContextManager[Contender]]:
    yield _daemon(folder / "w", namespace, "wherry", "io.containerd.wherry.v2", "", [*PROGRAM])
    if Path("/usr/bin/containerd").exists():
        yield _daemon(folder / "d", namespace, "containerd 1.6", "io.containerd.runc.v2", "/usr/bin", [])
    native = peers_programs()
    if native is not None:
        yield _daemon(folder / "p", namespace, "containerd 2", "io.containerd.runc.v2", native, [])


@contextmanager
def _daemon(
    folder: Path, namespace: str, name: str, runtime: str, programs: str, command: list[str]
) -> Iterator[Contender]:
    folder.mkdir()
    address = folder / "c.sock"
    words = [*(command or [f"{programs}/containerd"]), "--root", f"{folder}/root", "--state", f"{folder}/state"]
    environment = {
        "PYTHONPATH": str(ROOT),
        "PATH": f"{programs}:{os.environ['PATH']}" if programs else os.environ["PATH"],
    }
    with running([*words, "-a", str(address)], address, folder / "log", namespace, environment):
        transfers = programs != "/usr/bin"
        yield Contender(name, str(address), runtime, programs if programs != "/usr/bin" else "", transfers)


def _processes_of(one: Contender) -> tuple[set[int], set[int]]:
    """The daemon's pids and its shims', by the address on their command lines."""
    daemons, shims = set(), set()
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().decode(errors="replace").split("\0")
            name = (entry.parent / "comm").read_text().strip()
        except OSError:
            continue  # it ended while we looked
        if one.address in words:
            (shims if name.startswith("containerd-shim") else daemons).add(int(entry.parent.name))
    return daemons, shims


def _sum(pids: set[int], field: str) -> float:
    """Megabytes of a field of smaps_rollup."""
    total = 0
    for pid in pids:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        total += sum(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))
    return total / 1000


def _cpu(pids: set[int]) -> int:
    """Clock ticks used so far."""
    return sum(sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13])) for pid in pids)
