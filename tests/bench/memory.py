"""What a running container costs: RSS and PSS of its shim, at twenty containers; and the daemons themselves."""

import os
from pathlib import Path

from tests.bench.measure import print_table
from tests.bench.stacks import Engine, engines

CONTAINERS = 20
SHIMS = (b"containerd-shim", b"shim")


def run(folder: Path, _rounds: int) -> None:
    """Start twenty containers on each engine and add up."""
    rows: dict[str, dict[str, float]] = {}
    with engines(folder) as found:
        for one in found:
            before = _shims()
            names = [f"m{number}" for number in range(CONTAINERS)]
            for name in names:
                one.docker("run", "-d", "--name", name, "--network", "none", "busybox", "sleep", "100000")
            shims = _shims() - before
            for field in ("Rss", "Pss", "Private_Dirty"):
                total = sum(_kilobytes(pid, field) for pid in shims)
                rows.setdefault(f"{field} per container", {})[one.name] = total / 1000 / CONTAINERS
            daemons = _daemons(one)
            rows.setdefault("Rss of the daemons", {})[one.name] = sum(_kilobytes(pid, "Rss") for pid in daemons) / 1000
            one.docker("rm", "-f", *names)
    print_table(f"Memory at {CONTAINERS} containers", rows, ours="wherry", unit="MB")


def _shims() -> set[int]:
    """Processes that are shims, ours or containerd's."""
    return {pid for pid, words in _processes() if any(b"shim" in os.path.basename(word) for word in words[:4])}


def _daemons(engine: Engine) -> set[int]:
    """The engine's processes that are no shims: those that name its private folder first."""
    folder = os.fsencode(str(engine.address.parent))
    shims = _shims()
    return {pid for pid, words in _processes() if pid not in shims and any(folder in word for word in words)}


def _processes() -> list[tuple[int, list[bytes]]]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append((int(entry.parent.name), entry.read_bytes().split(b"\0")))
        except OSError:
            continue  # it ended while we looked
    return found


def _kilobytes(pid: int, field: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0  # it ended meanwhile
    return sum(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))
