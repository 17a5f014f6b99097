"""Engines to time, each in its own network namespace and on private paths: ours, and every dockerd here."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.images import busybox_archive
from tests.needs import PEERS

BIN = Path(sys.executable).parent
DOCKER = "/usr/bin/docker"
START_SECONDS = 60.0


class Engine:
    """One engine that answers, and a docker CLI that talks to it."""

    def __init__(self, name: str, address: Path, cli: str = DOCKER) -> None:
        self.name = name
        self.address = address
        self._cli = cli

    def docker(self, *words: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run the stock docker CLI against this engine."""
        done = subprocess.run(
            [self._cli, "-H", f"unix://{self.address}", *words],
            check=False,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "DOCKER_CONFIG": str(self.address.parent)},
        )
        if check and done.returncode != 0:
            raise RuntimeError(f"{self.name}: docker {' '.join(words)}: {done.stderr}")
        return done


@contextmanager
def engines(folder: Path) -> Iterator[list[Engine]]:
    """Every engine of this machine, each with the busybox image loaded; all have ended afterwards."""
    archive = busybox_archive(folder / "busybox.tar")
    with ExitStack() as stack:
        found = [stack.enter_context(_wherry(folder / "w"))]
        if Path("/usr/sbin/dockerd").exists() and Path("/usr/bin/containerd").exists():
            found.append(stack.enter_context(_dockerd(folder / "d", "dockerd 20.10", "/usr/sbin/dockerd", "/usr/bin")))
        native = _peers_programs()
        if native is not None:
            found.append(stack.enter_context(_dockerd(folder / "p", "dockerd 28", f"{native}/dockerd", native)))
        for engine in found:
            engine.docker("load", "-i", str(archive))
        yield found


def _peers_programs() -> str | None:
    """The folder of the newest Docker's programs, where the peers are set up."""
    if not (PEERS / "env").exists():
        return None
    done = subprocess.run([PEERS / "env"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return None
    return done.stdout.split("PATH=")[1].split(":")[0]


@contextmanager
def _wherry(folder: Path) -> Iterator[Engine]:
    folder.mkdir()
    address, supervisor = folder / "docker.sock", folder / "c.sock"
    with _network_namespace("wherry-bench-w") as namespace, ExitStack() as stack:
        words = [f"{BIN}/wherry-supervisor", "--root", f"{folder}/croot", "--state", f"{folder}/cstate"]
        stack.enter_context(_running([*words, "-a", str(supervisor)], supervisor, folder / "supervisor.log", namespace))
        words = [f"{BIN}/wherryd", "-H", f"unix://{address}", "--containerd", str(supervisor)]
        words += ["--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec", "-p", f"{folder}/pid"]
        stack.enter_context(_running(words, address, folder / "engine.log", namespace))
        yield Engine("wherry", address)


@contextmanager
def _dockerd(folder: Path, name: str, dockerd: str, programs: str) -> Iterator[Engine]:
    folder.mkdir()
    address, containerd = folder / "docker.sock", folder / "c.sock"
    path = {"PATH": f"{programs}:{os.environ['PATH']}"}
    with _network_namespace(f"wherry-bench-{folder.name}") as namespace, ExitStack() as stack:
        words = [f"{programs}/containerd", "--root", f"{folder}/croot", "--state", f"{folder}/cstate"]
        log = folder / "containerd.log"
        stack.enter_context(_running([*words, "-a", str(containerd)], containerd, log, namespace, path))
        words = [dockerd, "-H", f"unix://{address}", "--containerd", str(containerd)]
        words += ["--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec", "-p", f"{folder}/pid"]
        stack.enter_context(_running(words, address, folder / "dockerd.log", namespace, path))
        yield Engine(name, address)


@contextmanager
def _network_namespace(name: str) -> Iterator[str]:
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
        yield f"/var/run/netns/{name}"
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)


@contextmanager
def _running(
    words: list[str], address: Path, log: Path, namespace: str, environment: dict[str, str] | None = None
) -> Iterator[None]:
    """A daemon in a network namespace; nsenter and not `ip netns exec`, which would hide the cgroup mounts."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["nsenter", f"--net={namespace}", *words],
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
    sys.exit(f"{process.args} does not answer:\n{log.read_text(errors='replace')[-2000:]}")
