"""Engines to time, each in its own network namespace and on private paths: ours, and every dockerd here."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path

from tests.daemons import network_namespace, peers_programs, running
from tests.images import busybox_archive

BIN = Path(sys.executable).parent
DOCKER = "/usr/bin/docker"


Launch = Callable[[], AbstractContextManager[None]]


class Engine:
    """One engine, which answers for as long as it has been launched, and a docker CLI that talks to it."""

    def __init__(self, name: str, address: Path, launch: Launch, cli: str = DOCKER) -> None:
        self.name = name
        self.address = address
        self.launch = launch
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
    with launchable(folder) as found, ExitStack() as stack:
        for engine in found:
            stack.enter_context(engine.launch())
            engine.docker("load", "-i", str(archive))
        yield found


@contextmanager
def launchable(folder: Path) -> Iterator[list[Engine]]:
    """Every engine of this machine, not yet running; what it stands on runs."""
    with ExitStack() as stack:
        found = [stack.enter_context(_wherry(folder / "w"))]
        if Path("/usr/sbin/dockerd").exists() and Path("/usr/bin/containerd").exists():
            found.append(stack.enter_context(_dockerd(folder / "d", "dockerd 20.10", "/usr/sbin/dockerd", "/usr/bin")))
        native = peers_programs()
        if native is not None:
            found.append(stack.enter_context(_dockerd(folder / "p", "dockerd 28", f"{native}/dockerd", native)))
        yield found


@contextmanager
def _wherry(folder: Path) -> Iterator[Engine]:
    folder.mkdir()
    address, supervisor = folder / "docker.sock", folder / "c.sock"
    with network_namespace(f"wherry-bench-w-{os.getpid()}") as namespace, ExitStack() as stack:
        words = [f"{BIN}/wherry-supervisor", "--root", f"{folder}/croot", "--state", f"{folder}/cstate"]
        stack.enter_context(running([*words, "-a", str(supervisor)], supervisor, folder / "supervisor.log", namespace))
        words = [f"{BIN}/wherryd", "-H", f"unix://{address}", "--containerd", str(supervisor)]
        words += ["--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec", "-p", f"{folder}/pid"]
        yield Engine("wherry", address, partial(running, words, address, folder / "engine.log", namespace))


@contextmanager
def _dockerd(folder: Path, name: str, dockerd: str, programs: str) -> Iterator[Engine]:
    folder.mkdir()
    address, containerd = folder / "docker.sock", folder / "c.sock"
    path = {"PATH": f"{programs}:{os.environ['PATH']}"}
    with network_namespace(f"wherry-bench-{folder.name}-{os.getpid()}") as namespace, ExitStack() as stack:
        words = [f"{programs}/containerd", "--root", f"{folder}/croot", "--state", f"{folder}/cstate"]
        log = folder / "containerd.log"
        stack.enter_context(running([*words, "-a", str(containerd)], containerd, log, namespace, path))
        words = [dockerd, "-H", f"unix://{address}", "--containerd", str(containerd)]
        words += ["--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec", "-p", f"{folder}/pid"]
        yield Engine(name, address, partial(running, words, address, folder / "dockerd.log", namespace, path))
