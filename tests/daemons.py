"""Daemons for tests and comparisons: started on private sockets, awaited, and ended by their pids."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.needs import PEERS

START_SECONDS = 60.0


def peers_programs() -> str | None:
    """The folder of the newest Docker's programs, where the peers are set up."""
    if not (PEERS / "env").exists():
        return None
    done = subprocess.run([PEERS / "env"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return None
    return done.stdout.split("PATH=")[1].split(":")[0]


@contextmanager
def network_namespace(name: str) -> Iterator[str]:
    """A network namespace with its loopback up; its path."""
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
        yield f"/var/run/netns/{name}"
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)


@contextmanager
def running(
    words: list[str], address: Path, log: Path, namespace: str = "", environment: dict[str, str] | None = None
) -> Iterator[None]:
    """A daemon that answers at `address`, in a network namespace where one is named.

    nsenter and not `ip netns exec`, which would hide the cgroup mounts.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*(["nsenter", f"--net={namespace}"] if namespace else []), *words],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
    try:
        _await_socket(address, process, log)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_socket(address: Path, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """dockerd tells nobody but systemd that it is ready, so here we ask until it answers."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket(socket.AF_UNIX) as attempt:
            if attempt.connect_ex(str(address)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"{process.args} does not answer:\n{log.read_text(errors='replace')[-2000:]}")


@contextmanager
def crun_accepts_this_host(folder: Path) -> Iterator[None]:
    """crun refuses a hybrid layout whose cgroup2 has a controller: mount hugetlb's own hierarchy meanwhile."""
    controllers = Path("/sys/fs/cgroup/unified/cgroup.controllers")
    if not controllers.exists() or "hugetlb" not in controllers.read_text():
        yield
        return
    target = folder / "hugetlb"
    target.mkdir()
    subprocess.run(["mount", "-t", "cgroup", "-o", "hugetlb", "none", target], check=True)
    try:
        yield
    finally:
        # A hierarchy with a folder in it outlives its mount, and then belongs to nobody.
        for left, _, _ in os.walk(target, topdown=False):
            with contextlib.suppress(OSError):  # busy: a container of somebody else's, who will remove it
                if left != str(target):
                    os.rmdir(left)
        subprocess.run(["umount", target], check=True)


def unmount_below(folder: Path) -> None:
    """What an engine leaves mounted for its next start, such as a network namespace's file."""
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    for target in reversed([mount for mount in mounts if mount.startswith(f"{folder}/")]):
        subprocess.run(["umount", target], check=True)
