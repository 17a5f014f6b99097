"""A walk through the docker CLI's commands on our engine and on dockerd: exit codes and outputs are the same.

Ids, times and ports are masked. What differs on purpose stands in DIFFERENT, each with its reason; the
longer list is in docs/compatibility.md. Both generations that are here are asked, each by its own CLI.
"""

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import needs
from tests.daemons import network_namespace, peers_programs, running, unmount_below
from tests.engine_process import Engine
from tests.images import busybox_archive

WALK = (Path(__file__).parent / "docker_walk.txt").read_text().splitlines()
MASKS = (
    (r"\b[0-9a-f]{64}\b", "ID"),
    (r"\b[0-9a-f]{12}\b", "SHORT"),
    (r"\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)", "TIME"),
    (r"(About )?(an? |\d+ |Less than a )(second|minute|hour|day|week|month|year)s?( ago)?", "AGO"),
    (r"127\.0\.0\.1:\d{4,5}", "127.0.0.1:PORT"),
    (r"\d\d:\d\d(:\d\d)?", "CLOCK"),
    (r"(?<=[ \n])\d{2,7}(?= )", "N"),
    (r'"Pid":\d+', '"Pid":N'),
    (r"reclaimed space: \S+", "reclaimed space: SIZE"),
    (r" {2,}", "  "),
    (r'"Platform":(null|{[^}]*})', '"Platform":P'),  # of containers: told where images are containerd's
    (r": unknown\b", ""),  # the class of what has none, which the older generation names
    (r"error during container init: ", ""),  # the newer runc's
)


class Walker:
    """One daemon, asked by the CLI."""

    def __init__(self, host: str, namespace: str, folder: Path, client: str) -> None:
        self.host, self.namespace, self.folder, self.client = host, namespace, folder, client

    def ask(self, line: str) -> str:
        words = [
            self.folder.joinpath(word[2:]).as_posix() if word.startswith("@/") else word for word in shlex.split(line)
        ]
        done = subprocess.run(
            ["nsenter", f"--net={self.namespace}", self.client, "-H", self.host, *words],
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=60,
            check=False,
        )
        output = "".join(sorted(done.stdout.splitlines(keepends=True))) if words[0] == "diff" else done.stdout
        said = f"{done.returncode}\n{output}\n{done.stderr}".replace(str(self.folder), "FOLDER")
        for pattern, word in MASKS:
            said = re.sub(pattern, word, said)
        return said


@dataclass(frozen=True)
class Generation:
    """A dockerd and the CLI of its time."""

    path: str  # where its programs are looked for first
    client: str

    @property
    def is_old(self) -> bool:
        """Before 23.0."""
        done = subprocess.run([self.client, "--version"], capture_output=True, text=True, check=True)
        return int(re.search(r"version (\d+)", done.stdout)[1]) < 23  # type: ignore[index]


def generations() -> list[Generation]:
    """Debian's and the peers', where they are."""
    folders = ["/usr/bin:/usr/sbin", peers_programs() or ""]
    clients = [
        (folder, shutil.which("docker", path=folder), shutil.which("dockerd", path=folder)) for folder in folders
    ]
    return [Generation(folder, client) for folder, client, daemon in clients if folder and client and daemon]


@contextmanager
def ours(folder: Path, generation: Generation) -> Iterator[Walker]:
    netns = f"wherry-walk-{os.getpid()}"
    with Engine(folder, "--bip", "10.215.0.1/24", client=generation.client, bridge="wwalk0", netns=netns) as engine:
        yield Walker(engine.host, f"/run/netns/{netns}", folder, generation.client)


@contextmanager
def theirs(folder: Path, generation: Generation) -> Iterator[Walker]:
    folder.mkdir()
    socket = folder / "docker.sock"
    words = ["dockerd", "-H", f"unix://{socket}", "--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec"]
    words += ["-p", f"{folder}/pid", "--bip", "10.216.0.1/24"]
    path = {"PATH": f"{generation.path}:{os.environ['PATH']}"}
    with (
        network_namespace(f"wherry-walkd-{os.getpid()}") as namespace,
        running(["env", *words], socket, folder / "log", namespace, path),
    ):
        walker = Walker(f"unix://{socket}", namespace, folder, generation.client)
        busybox_archive(folder / "busybox.tar")
        walker.ask("load -i @/busybox.tar")
        yield walker
        walker.ask("system prune -af --volumes")
    unmount_below(folder)


DIFFERENT = {
    'inspect -f "{{.HostConfig.Runtime}}" one': "the default runtime's name is our own",
}

# Where only the newer generation's words are ours, or where only the older one says something at all.
OF_THE_NEWER = {
    "ps --filter nope=1",
    "exec one nope",
    "kill -s NOPE three",
    "kill -s 0 three",
    "kill three",
    'image inspect -f "{{json .Config}}" walked:1',
    "network create --subnet 10.219.0.0/24 lan2",
    "network rm lan",
    "run --rm --network lan busybox true",
    "run --rm busybox nope",
    "run --rm busybox /etc/passwd",
    "run --rm --user nope busybox true",
    "run --rm --privileged --pid host --ipc host --uts host busybox echo host",  # needs CAP_SYS_RESOURCE there
    "rm one",
    "load -i @/pid",
}

pytestmark = [needs.root, needs.binary("docker"), needs.binary("dockerd"), needs.overlay]


@pytest.mark.parametrize("generation", generations(), ids=lambda generation: "older" if generation.is_old else "newer")
def test_a_walk_gives_the_same_on_both(generation: Generation, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("w")  # a short name: dockerd's containerd has its socket far below
    expected = set(DIFFERENT) | (OF_THE_NEWER if generation.is_old else set())
    differing = []
    with ours(folder / "ours", generation) as mine, theirs(folder / "theirs", generation) as other:
        for line in filter(None, WALK):
            found, wanted = mine.ask(line), other.ask(line)
            if found != wanted and line not in expected:
                differing.append(f"### docker {line}\nours: {found}\ndockerd's: {wanted}")
    assert not differing, "\n".join(differing)
