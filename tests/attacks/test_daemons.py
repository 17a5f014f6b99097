"""Attacks on the supervisor and the shims: their sockets, their folders, what one container's shim knows of another's.

CVE-2020-15257 (abstract sockets), CVE-2021-41103, CVE-2024-25621, CVE-2021-41091 (folders that others may enter),
CVE-2021-21334 (environments), CVE-2022-23471, CVE-2025-64329, CVE-2022-31030 (attaching, output without an end).
"""

import contextlib
import os
import shutil
import socket
import stat
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import needs
from tests.engine_process import Engine

pytestmark = [needs.root, needs.binary("docker"), needs.overlay]

NOBODY = 65534
ATTACHED = 200
FLOOD = 256 << 20
GROWTH_KB = 64 << 10  # of a daemon that carries the flood; what it must not keep is four times as much
WITHIN = 60.0


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """In a folder that everybody may enter, as /var/lib is: what keeps others out must be ours."""
    folder = Path(tempfile.mkdtemp(prefix="wherry-attacks-", dir="/var/tmp"))
    folder.chmod(0o755)
    try:
        with Engine(folder) as made:
            yield made
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def container(engine: Engine) -> Iterator[str]:
    """A container on the host's network, with a file that makes whoever runs it root."""
    script = "cp /bin/busybox /root-shell; chmod 4755 /root-shell; echo ready; exec sleep 600"
    name = "target"
    engine.docker(
        "run", "-d", "--name", name, "--network", "host", "-e", "CANARY=env-of-target", "busybox", "sh", "-c", script
    )
    engine.until("ready", "logs", name, timeout=WITHIN)
    yield name
    engine.docker("rm", "-f", name)


def ours(engine: Engine) -> dict[int, list[str]]:
    """Every daemon of this engine's: wherryd, supervisor, zygote, shims."""
    found = {int((engine.folder / "pid").read_text()): ["wherryd"]}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
                if any(str(engine.folder) in word for word in words):
                    found[int(entry.name)] = words
    assert any("shim" in " ".join(words) for words in found.values()), found
    return found


def inodes(pid: int) -> set[str]:
    """The sockets that a process holds."""
    found = set()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(OSError):
            name = os.readlink(f"/proc/{pid}/fd/{fd}")
            if name.startswith("socket:["):
                found.add(name[8:-1])
    return found


def named_sockets(engine: Engine) -> set[str]:
    """The names that our daemons' sockets have, the abstract ones with their @.

    A socket below a long path is bound by way of /proc/self/fd: its name is the file's that root finds.
    """
    held = set().union(*(inodes(pid) for pid in ours(engine)))
    lines = (line.split() for line in Path("/proc/net/unix").read_text().splitlines()[1:])
    names = {words[7] for words in lines if len(words) > 7 and words[6] in held}
    hidden = {name for name in names if name.startswith("/proc/self/fd/")}
    files = {Path(name).name for name in hidden}
    found = {str(path) for file in files for path in engine.folder.rglob(file) if path.is_socket()}
    assert len(found) >= len(files)
    return (names - hidden) | found


def as_nobody(program: str, *words: str) -> str:
    """What an ordinary user of the host is told by a Python program."""
    done = subprocess.run(
        ["/usr/bin/python3", "-IS", "-c", program, *words],
        user=NOBODY, group=NOBODY, extra_groups=[], cwd="/",
        capture_output=True, text=True, timeout=WITHIN, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


CONNECT = """
import os, socket, sys
for path in sys.argv[1:]:
    with socket.socket(socket.AF_UNIX) as client:
        try:
            folder = os.open(os.path.dirname(path), os.O_PATH)  # the path may be longer than an address
            client.connect(f"/proc/self/fd/{folder}/{os.path.basename(path)}")
        except PermissionError:
            continue
        print(path)
"""

WALK = """
import os, sys
for root in sys.argv[1:]:
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            print(os.path.join(folder, name))
"""


def test_no_socket_is_abstract_and_none_is_for_others(engine: Engine, container: str) -> None:
    names = named_sockets(engine)
    assert len(names) >= 4, names  # the engine's, the supervisor's two, a shim's
    assert not [name for name in names if name.startswith("@")]
    shims = [Path(name) for name in names if name.startswith("/run/containerd/s/")]
    assert shims
    assert {stat.S_IMODE(path.stat().st_mode) for path in shims} == {0o600}
    assert as_nobody(CONNECT, *names) == ""


def test_a_container_on_the_hosts_network_sees_no_socket_to_connect_to(engine: Engine, container: str) -> None:
    """/proc/net/unix shows it all names; only an abstract one could be reached without the file."""
    seen = {
        line.split()[7]
        for line in engine.out("exec", container, "cat", "/proc/net/unix").splitlines()[1:]
        if len(line.split()) > 7
    }
    assert seen >= {name for name in named_sockets(engine) if name.startswith("/run/containerd/s/")}
    listed = engine.out("exec", container, "sh", "-c", "ls -d /run/containerd /run/wherry* 2>/dev/null; true")
    assert listed == ""


def test_an_ordinary_user_walks_into_no_folder_of_ours(engine: Engine, container: str) -> None:
    """A file that makes root, inside a container, must not be there for users of the host."""
    made = [Path(root) / "root-shell" for root, _, files in os.walk(engine.folder) if "root-shell" in files]
    assert made, "the attack itself: root finds the file"
    assert {stat.S_IMODE(path.stat().st_mode) for path in made} == {0o4755}
    found = as_nobody(WALK, str(engine.folder), "/run/containerd/s", "/run/containerd/runc").splitlines()
    own = [path for path in found if Path(path).parent != engine.folder]  # the test's folder itself is open
    assert own == []


def test_what_one_container_is_told_no_other_and_no_daemon_repeats(engine: Engine, container: str) -> None:
    other = "other"
    engine.docker(
        "run", "-d", "--name", other, "--network", "none", "-e", "CANARY=env-of-other", "busybox", "sleep", "600"
    )
    try:
        engine.docker("exec", "-e", "CANARY=env-of-exec", other, "true")
        pids = {name: int(engine.out("inspect", "-f", "{{.State.Pid}}", name)) for name in (container, other)}
        for pid in (*ours(engine), pids[container]):
            told = Path(f"/proc/{pid}/environ").read_bytes() + Path(f"/proc/{pid}/cmdline").read_bytes()
            assert b"env-of-other" not in told, pid
            assert b"env-of-exec" not in told, pid
        assert b"env-of-other" in Path(f"/proc/{pids[other]}/environ").read_bytes()
        assert b"env-of-exec" not in Path(f"/proc/{pids[other]}/environ").read_bytes()
    finally:
        engine.docker("rm", "-f", other)


def attach(engine: Engine, container: str) -> socket.socket:
    """A hijacked connection, as the docker CLI has it."""
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(WITHIN)
    client.connect(str(engine.socket))
    head = f"POST /containers/{container}/attach?stream=1&stdout=1&stdin=1 HTTP/1.1\r\nHost: x\r\n"
    client.sendall(f"{head}Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n".encode())
    assert client.recv(1024).startswith(b"HTTP/1.1 101")
    return client


def held(engine: Engine) -> dict[int, tuple[int, int]]:
    """Descriptors and threads of every daemon."""
    return {pid: (len(os.listdir(f"/proc/{pid}/fd")), len(os.listdir(f"/proc/{pid}/task"))) for pid in ours(engine)}


def rss(pid: int) -> int:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1])


def test_clients_that_attach_and_vanish_leave_nothing_open(engine: Engine, container: str) -> None:
    attach(engine, container).close()
    before = held(engine)

    def come_and_go() -> None:
        for _ in range(ATTACHED // 4):
            attach(engine, container).close()

    together = [threading.Thread(target=come_and_go) for _ in range(4)]
    for one in together:
        one.start()
    for one in together:
        one.join()
    deadline = time.monotonic() + WITHIN
    while grown(before, now := held(engine)):
        assert time.monotonic() < deadline, (before, now)
        time.sleep(0.1)


def grown(before: dict[int, tuple[int, int]], now: dict[int, tuple[int, int]]) -> bool:
    """More than a pool of threads with a database's connection each explains."""
    return any(now[pid][0] > before[pid][0] + 16 or now[pid][1] > before[pid][1] + 16 for pid in before)


def test_output_without_an_end_is_kept_by_no_daemon(engine: Engine, container: str) -> None:
    before = {pid: rss(pid) for pid in ours(engine)}
    words = [engine.client, "-H", engine.host, "exec", container, "head", "-c", str(FLOOD), "/dev/zero"]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as reading:
        assert reading.stdout is not None
        received = 0
        while data := reading.stdout.read(1 << 20):
            received += len(data)
    assert received == FLOOD
    grown_by = {pid: rss(pid) - before[pid] for pid in ours(engine) if pid in before}
    assert all(kilobytes < GROWTH_KB for kilobytes in grown_by.values()), grown_by
