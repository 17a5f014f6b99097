"""Hundreds of container lives leave the supervisor as it was: fds, threads, mounts, cgroups, memory, database.

WHERRY_LIVES says how many (`make soak` 2,000).
"""

import contextlib
import os
import re
import subprocess
import threading
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from proto.containerd.services.tasks.v1 import tasks_pb2 as tasks
from tests import needs
from tests.crash_house import House, until

pytestmark = [needs.root, needs.overlay, needs.binary("busybox")]

LIVES = int(os.environ.get("WHERRY_LIVES", "300"))
WARM_UP = 50  # caches fill, arenas grow, threads of pools start
WORKERS = 4
POOL = 6  # threads of the event loop's executor that may not have been needed before


def live(house: House, name: str) -> None:
    """Created, started, ended, deleted, forgotten."""
    house.record(name, "sh", "-c", "exit 3")
    house.run(name)
    assert house.task("Wait", tasks.WaitRequest(container_id=name)).exit_status == 3
    assert house.task("Delete", tasks.DeleteTaskRequest(container_id=name)).exit_status == 3
    house.forget(name)


def many(house: House, count: int, word: str) -> None:
    """Some at a time."""
    errors: list[BaseException] = []

    def worker(who: int) -> None:
        try:
            for number in range(who, count, WORKERS):
                live(house, f"{word}{number}")
        except BaseException as error:
            errors.append(error)

    workers = [threading.Thread(target=worker, args=(who,)) for who in range(WORKERS)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    if errors:
        raise errors[0]


class Account(NamedTuple):
    """What a process that lives long could gather."""

    supervisor: Counter[str]
    zygote: Counter[str]
    databases: int  # descriptors of them
    threads: int


def account(supervisor: int, zygote: int) -> Account:
    open_files = fds(supervisor)
    databases = sum(open_files.pop(name) for name in list(open_files) if ".db" in name)
    return Account(open_files, fds(zygote), databases, status(supervisor, "Threads"))


def grown(before: Account, now: Account) -> bool:
    """More than what a pool's new threads explain: each reads the database through a connection of its own.

    gRPC's threads come and go, so the threads of now do not tell how many connections there may be.
    """
    pool = now.threads - before.threads > POOL or now.databases - before.databases > POOL * 2
    return pool or bool(now.supervisor - before.supervisor) or bool(now.zygote - before.zygote)


def fds(pid: int) -> Counter[str]:
    """What the process holds, by what each descriptor is; without the numbers of sockets and pipes."""
    held: Counter[str] = Counter()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            held[re.sub(r":\[\d+\]", "", os.readlink(f"/proc/{pid}/fd/{fd}"))] += 1
    return held


def status(pid: int, field: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))


def mounts() -> int:
    return len(Path("/proc/self/mountinfo").read_text().splitlines())


def database(house: House) -> int:
    """Bytes of the database itself and of its log."""
    return sum(path.stat().st_size for path in house.supervisor.root.rglob("*.db*"))


def test_container_lives_leave_no_trace(tmp_path: Path) -> None:
    with House(tmp_path / "h") as house:
        many(house, WARM_UP, "w")
        house.settle("warm-up")
        (zygote,) = house.zygotes()
        supervisor = house.supervisor.pid
        before = account(supervisor, zygote)
        resident, size, sockets = status(supervisor, "VmRSS"), database(house), len(os.listdir("/run/containerd/s"))
        many(house, LIVES, "c")
        assert house.settle("all lives") == {}
        until(
            lambda: not grown(before, account(supervisor, zygote)),
            lambda: f"before: {before}, now {account(supervisor, zygote)}",
        )
        assert house.supervisor.mounts() == []
        assert house.cgroups() == []
        assert house.records() == set()
        assert len(os.listdir("/run/containerd/s")) <= sockets + 20  # other tests' shims may have come meanwhile
        more = status(supervisor, "VmRSS") - resident
        assert more < 1000 + LIVES * 2, f"grown by {more} KB in {LIVES} lives"
        assert database(house) <= max(2 * size, 8 << 20)
        assert subprocess.run(["pgrep", "-P", str(zygote)], capture_output=True, check=False).stdout == b""
