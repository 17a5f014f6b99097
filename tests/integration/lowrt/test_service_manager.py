"""lowrt as a service manager starts it: readiness comes out of the container, listening sockets go in."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import needs
from tests.integration.lowrt.environment import LOWRT, ROOT, Bundle

pytestmark = [needs.root, needs.binary("busybox")]

# Enters the container's mount namespace, and says there what sd_notify(3) would say.
SAY = """
import os, socket, sys
sys.path.insert(0, sys.argv[1])
from lowrt.linux.namespaces import setns
sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
setns(os.open(f"/proc/{sys.argv[2]}/ns/mnt", os.O_RDONLY), 0x20000)
sock.connect("/run/notify/notify.sock")
for text in sys.argv[3:]:
    sock.send(text.encode())
"""


class Manager:
    """The service manager's end."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "manager"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.socket.settimeout(60)

    def receive(self) -> str:
        data, descriptors, _, _ = socket.recv_fds(self.socket, 4096, 4)
        for fd in descriptors:
            os.close(fd)
        return data.decode()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    manager = Manager(tmp_path)
    yield manager
    manager.socket.close()


class Service:
    """One container, with its state where the test looks for it."""

    def __init__(self, bundle: Bundle, manager: Manager) -> None:
        bundle.save()
        self.bundle = bundle
        self.name = bundle.cgroup.strip("/")
        self.command = [*LOWRT, "--root", str(bundle.path / "state")]
        self.environment = {**os.environ, "NOTIFY_SOCKET": str(manager.path)}

    def start(self, verb: str, *words: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*self.command, verb, *words, self.name],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.bundle.path,
        )

    def pid(self, fifo: Path) -> int:
        """It tells its pid outside, when it runs, by opening a fifo that is there and here."""
        with fifo.open() as file:
            assert file.read() == "up\n"
        done = subprocess.run([*self.command, "state", self.name], check=True, capture_output=True, text=True)
        return int(done.stdout.split('"pid":')[1].split(",")[0])

    def delete(self) -> None:
        subprocess.run([*self.command, "delete", "--force", self.name], check=False, capture_output=True)


@pytest.fixture
def service(bundle: Bundle, manager: Manager) -> Iterator[Service]:
    os.mkfifo(bundle.rootfs / "up")
    bundle.shell('test "$NOTIFY_SOCKET" = /run/notify/notify.sock && echo up > /up; read line < /up')
    service = Service(bundle, manager)
    yield service
    service.delete()


def say(pid: int, *texts: str) -> None:
    subprocess.run([sys.executable, "-c", SAY, str(ROOT), str(pid), *texts], check=True)


def test_a_container_that_stays_in_the_foreground_is_ready_when_it_says_so(service: Service, manager: Manager) -> None:
    """Only READY passes, and the pid to watch is lowrt's own, for it is what stays."""
    fifo = service.bundle.rootfs / "up"
    with service.start("run") as process:
        pid = service.pid(fifo)
        say(pid, "STATUS=soon", f"MAINPID={pid}", "STATUS=now\nREADY=1")
        assert manager.receive() == "READY=1\n"
        assert manager.receive() == f"MAINPID={process.pid}\n"
        fifo.write_text("end\n")
        assert process.wait(60) == 0


@pytest.mark.parametrize("detached_run", [True, False], ids=["run", "start"])
def test_whoever_leaves_it_alone_waits_for_it_to_be_ready(
    service: Service, manager: Manager, detached_run: bool
) -> None:
    if not detached_run:
        assert service.start("create").wait(60) == 0
    with service.start("run", "--detach") if detached_run else service.start("start") as process:
        pid = service.pid(service.bundle.rootfs / "up")
        assert process.poll() is None
        say(pid, "READY=1")
        assert [manager.receive() for _ in range(3)] == ["READY=1\n", f"MAINPID={pid}\n", "BARRIER=1"]
        assert process.wait(60) == 0


def test_a_container_that_ends_before_it_is_ready_is_not_waited_for(service: Service) -> None:
    service.bundle.shell("exit 3")
    service.bundle.save()
    assert service.start("run", "--detach").wait(60) == 0


LISTEN = """
import os, socket, sys
sock = socket.socket(); sock.bind(("127.0.0.1", 0)); sock.listen()
os.dup2(sock.fileno(), 3); os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[1], sys.argv[1:])
"""


def test_sockets_of_the_service_manager_are_the_containers(bundle: Bundle) -> None:
    bundle.shell("echo $LISTEN_FDS $LISTEN_PID; stat -L -c %F /proc/self/fd/3")
    assert bundle.run([sys.executable, "-c", LISTEN, *LOWRT]).stdout == "1 1\nsocket\n"
