"""A supervisor and an engine on private paths, for the demonstration; everything they made is gone when it ends."""

import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

BIN = Path(sys.executable).parent
BRIDGE, BRIDGE_ADDRESS = "wherry-demo0", "172.31.250.1/24"
START_SECONDS = 30.0


class Stack:
    """Use as a context manager: both daemons answer inside, and have ended after it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.supervisor_socket = folder / "containerd.sock"
        self.engine_socket = folder / "docker.sock"
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        try:
            self._start("wherry-supervisor", *self._supervisor_flags())
            self._start("wherryd", *self._engine_flags())
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._remove_containers()
        self._stop()

    def wherry(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run the command line against this engine."""
        return subprocess.run(
            [BIN / "wherry", "-H", f"unix://{self.engine_socket}", *words],
            capture_output=True,
            text=True,
            timeout=120,
            stdin=subprocess.DEVNULL,
            check=False,
        )

    def last_words(self) -> str:
        """The end of both logs."""
        parts = []
        for log in sorted(self._folder.glob("*.log")):
            parts.append(f"-- {log.name}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-15:]))
        return "\n".join(parts)

    def _supervisor_flags(self) -> list[str]:
        root, state = self._folder / "containerd-root", self._folder / "containerd"
        return ["--root", str(root), "--state", str(state), "--address", str(self.supervisor_socket)]

    def _engine_flags(self) -> list[str]:
        return [
            *("-H", f"unix://{self.engine_socket}", "--containerd", str(self.supervisor_socket)),
            *("--data-root", str(self._folder / "data"), "--exec-root", str(self._folder / "exec")),
            *("--pidfile", str(self._folder / "wherryd.pid"), "--bridge", BRIDGE, "--bip", BRIDGE_ADDRESS),
        ]

    def _start(self, program: str, *flags: str) -> None:
        """Start a daemon and wait until it says READY, as sd_notify(3) describes."""
        path = self._folder / f"{program}.notify"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(str(path))
            with (self._folder / f"{program}.log").open("wb") as log:
                process = subprocess.Popen(
                    [BIN / program, *flags],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    env={**os.environ, "NOTIFY_SOCKET": str(path)},
                )
            self._processes.append(process)
            self._await_ready(notify, process, program)
        print(f"  {program} answers (pid {process.pid})", flush=True)

    def _await_ready(self, notify: socket.socket, process: "subprocess.Popen[bytes]", program: str) -> None:
        ended = os.pidfd_open(process.pid)
        try:
            while True:
                readable, _, _ = select.select([notify.fileno(), ended], [], [], START_SECONDS)
                if notify.fileno() in readable and b"READY=1" in notify.recv(4096).splitlines():
                    return
                if ended in readable or not readable:
                    raise SystemExit(f"demo: {program} did not start\n{self.last_words()}")
        finally:
            os.close(ended)

    def _remove_containers(self) -> None:
        names = self.wherry("ps", "-aq").stdout.split()
        if names:
            self.wherry("rm", "-f", "-v", *names)

    def _stop(self) -> None:
        """The engine first: it still needs the supervisor while it says goodbye."""
        for process in reversed(self._processes):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes.clear()
        remove_network()


def remove_network() -> None:
    """Take down the default bridge and its rules, which an engine leaves standing for its next start."""
    from pyroute2 import IPRoute
    from pyroute2.nftables.main import NFTables

    with IPRoute() as netlink:
        for index in netlink.link_lookup(ifname=BRIDGE):
            netlink.link("del", index=index)
    with NFTables() as nftables:
        for table in nftables.get_tables():
            if table.get_attr("NFTA_TABLE_NAME") == f"wherry_{BRIDGE}":
                nftables.nfgen_family = table["nfgen_family"]
                nftables.table("del", name=f"wherry_{BRIDGE}")


def leftovers() -> set[str]:
    """What a container engine could leave on a host, by name: compare before and after."""
    found = set()
    for line in Path("/proc/self/mounts").read_text().splitlines():
        found.add(f"mount {line.split()[1]}")
    for root, folders, _ in os.walk("/sys/fs/cgroup"):
        found |= {f"cgroup {os.path.join(root, folder)}" for folder in folders}
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().split(b"\0")
        except OSError:
            continue  # it ended while we looked
        if any(b"wherry" in word or b"lowrt" in word for word in words[:3]):
            found.add(f"process {entry.parent.name}: {b' '.join(words).decode(errors='replace')[:80]}")
    found |= {f"network namespace {path}" for path in Path("/run/netns").glob("*")}
    found |= {f"link {path.name}" for path in Path("/sys/class/net").iterdir()}
    return found | _nft_tables()


def _nft_tables() -> set[str]:
    from pyroute2.nftables.main import NFTables

    with NFTables() as netlink:
        return {f"nft table {table.get_attr('NFTA_TABLE_NAME')}" for table in netlink.get_tables()}
