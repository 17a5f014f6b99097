"""SIGKILL of supervisor, shim and zygote between any two steps: afterwards nothing is lost and nothing is left.

Cases are drawn at random; the seed is shown when one fails. WHERRY_CRASH_CASES says how many (`make soak` many more),
WHERRY_CRASH_SEED repeats a run.
"""

import asyncio
import multiprocessing
import os
import random
import signal
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import grpc

from proto import anys
from proto.containerd.services.tasks.v1 import tasks_pb2 as tasks
from proto.containerd.types.task.task_pb2 import Status
from tests import needs
from tests.crash_house import House, until
from tests.images import archive, layer_tar
from tests.registry_process import DockerRegistry
from tests.transfer_client import TransferClient

pytestmark = [needs.root, needs.overlay, needs.binary("busybox")]

CASES = int(os.environ.get("WHERRY_CRASH_CASES", "1000"))
SEED = int(os.environ.setdefault("WHERRY_CRASH_SEED", str(random.SystemRandom().randrange(1, 1 << 31))))

CREATE = (
    "zygote.start.asked zygote.start.prepared zygote.start.forked"
    " supervisor.create.bundle supervisor.create.started supervisor.create.connected supervisor.create.made"
    " shim.create.asked shim.create.mounted shim.create.made supervisor.start.asked supervisor.start.running"
    " shim.start.asked shim.start.running"
)
EXEC = (
    "supervisor.exec.asked shim.exec.asked shim.exec.added supervisor.exec.added"
    " supervisor.start.asked shim.exec.started supervisor.start.running"
)
KILL = "supervisor.kill.asked shim.kill.asked shim.kill.sent supervisor.kill.sent shim.exit.reaped shim.exit.recorded"
BOTH = "shim.kill.asked shim.kill.sent shim.exit.reaped shim.exit.recorded"
EXIT = "supervisor.start.running shim.exit.reaped shim.exit.recorded"
DELETE = (
    "supervisor.delete.asked shim.delete.asked shim.delete.deleted shim.delete.unmounted"
    " supervisor.delete.deleted supervisor.delete.shut-down supervisor.delete.removed"
)
CLEAN_UP = "zygote.delete.asked zygote.delete.forked cleanup.asked cleanup.deleted cleanup.unmounted"
STORE = (
    "supervisor.content.begun supervisor.content.written supervisor.content.synced supervisor.content.moved"
    " supervisor.content.committed"
)
UNPACK = (
    "supervisor.snapshot.adopted supervisor.snapshot.made supervisor.unpack.prepared supervisor.unpack.applied"
    " supervisor.unpack.linking supervisor.snapshot.committed supervisor.unpack.committed"
)
WHOLE = f"supervisor.lease.made {STORE} {UNPACK} supervisor.image.written"
IMPORT = f"supervisor.import.read supervisor.import.unpacked {WHOLE}"
PULL = f"supervisor.pull.resolved supervisor.pull.opened supervisor.pull.fetched supervisor.pull.unpacked {WHOLE}"
COLLECT = "supervisor.gc.marked supervisor.gc.blob supervisor.gc.snapshot supervisor.snapshot.doomed"


class Cases:
    """One method per kind of work; each leaves the house as it found it."""

    def __init__(self, house: House, loop: asyncio.Runner, folder: Path, registry: str) -> None:
        self.house = house
        self._loop = loop  # one for all: gRPC's client keeps to the first that it met
        self.registry = registry
        layers = [layer_tar({f"{name}/file": name.encode() * 9000}) for name in ("one", "two", "three")]
        self.archive = archive(folder / "image.tar", "lost:1", layers, compress=True).read_bytes()
        self.image = "docker.io/library/lost:1"
        self._count = 0

    def create(self, point: str) -> None:
        name = self._record("sleep", "1000")
        self.house.crash(point, lambda: self.house.run(name))
        self._again(name)

    def exec(self, point: str) -> None:
        name = self._record("sleep", "1000")
        self.house.run(name)
        self.house.crash(point, lambda: self._exec(name))
        if point.startswith("supervisor."):
            assert self.house.tasks()[name].status == Status.RUNNING, point
        self._again(name)

    def kill(self, point: str) -> None:
        name = self._record("sleep", "1000")
        self.house.run(name)
        request = tasks.KillRequest(container_id=name, signal=9)
        self.house.crash(point, lambda: self.house.task("Kill", request))
        self._again(name)

    def exit(self, point: str) -> None:
        """An exit code that somebody has written down is never lost."""
        name = self._record("sh", "-c", "exit 7")
        self.house.crash(point, lambda: self.house.run(name))
        if point.startswith("supervisor."):
            end = self.house.task("Wait", tasks.WaitRequest(container_id=name))
            assert end.exit_status == 7, point
        self._again(name)

    def exit_told(self, point: str) -> None:
        """Who waits when the shim dies hears the code from the record; without one, that it was killed."""
        name = self._record("sh", "-c", "sleep 0.2; exit 7")
        self.house.run(name)
        self.house.armed.write_text(point)
        end = self.house.task("Wait", tasks.WaitRequest(container_id=name))
        assert end.exit_status == (7 if point == "shim.exit.recorded" else 137), point
        self.house.settle(point)
        self._again(name)

    def delete(self, point: str) -> None:
        name = self._record("sleep", "1000")
        self.house.run(name)
        self.house.task("Kill", tasks.KillRequest(container_id=name, signal=9))
        self.house.task("Wait", tasks.WaitRequest(container_id=name))
        self.house.crash(point, lambda: self.house.task("Delete", tasks.DeleteTaskRequest(container_id=name)))
        self._again(name)

    def both(self, point: str) -> None:
        """The supervisor and the shim, one right after the other."""
        name = self._record("sleep", "1000")
        self.house.run(name)
        request = tasks.KillRequest(container_id=name, signal=9)
        self.house.crash(point, lambda: self.house.task("Kill", request), both=True)
        self._again(name)

    def clean_up(self, point: str) -> None:
        """A shim is killed, and then whoever cleans up after it."""
        name = self._record("sleep", "1000")
        self.house.run(name)
        (shim,) = self.house.supervisor.shim_pids()
        self.house.crash(point, lambda: os.kill(shim, signal.SIGKILL))
        self._again(name)

    def import_(self, point: str) -> None:
        self.house.crash(point, self._import)
        self._image_again(self._import)

    def pull(self, point: str) -> None:
        self.house.crash(point, self._pull)
        self._image_again(self._pull)

    def collect(self, point: str) -> None:
        self._import()
        self.house.crash(point, self.house.collect)
        assert self.house.broken_blobs() == []
        self._nothing_left()

    def _record(self, *command: str) -> str:
        self._count += 1
        name = f"c{self._count}"
        self.house.record(name, *command)
        return name

    def _again(self, name: str) -> None:
        """What is there can be taken away, the same can be made again, and then nothing is left."""
        self.house.remove(name)
        until(lambda: name not in self.house.tasks(), f"{name} cannot be removed\n{self.house.supervisor.tail()}")
        self.house.run(name)
        self.house.remove(name)
        assert self.house.settle(f"removing {name}") == {}
        self.house.forget(name)

    def _image_again(self, work: Callable[[], None]) -> None:
        assert self.house.broken_blobs() == []
        work()
        assert self.house.image(self.image if work == self._import else self._reference).target.digest
        assert len(self.house.snapshots()) >= 3
        self._nothing_left()

    def _nothing_left(self) -> None:
        """The list is the message: no one rewrites assertions in a child process."""
        self.house.collect()
        left = self.house.left_on_disk()
        assert left == [], f"{left}\n{self.house.supervisor.tail()}"

    @property
    def _reference(self) -> str:
        return f"{self.registry}/{self.house.folder.name}:1"

    def _exec(self, name: str) -> None:
        process = {"args": ["sleep", "1000"], "cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}}
        spec = anys.pack_json(anys.PROCESS, process)
        self.house.task("Exec", tasks.ExecProcessRequest(container_id=name, exec_id="e", spec=spec))
        self.house.task("Start", tasks.StartRequest(container_id=name, exec_id="e"))

    def _import(self) -> None:
        self._transfer(lambda client: client.import_(self.archive, "docker.io/library/lost"))

    def _pull(self) -> None:
        self._transfer(lambda client: client.pull(self._reference, plain_http=True))

    def push(self) -> None:
        """Put the image into the registry, and take it away here."""
        self._import()
        self._transfer(lambda client: client.push(self.image, self._reference))
        self.house.collect()

    def _transfer(self, work: Callable[[TransferClient], Awaitable[None]]) -> None:
        async def connected() -> None:
            client = TransferClient(self.house.supervisor.address, self.house.namespace)
            try:
                await work(client)
            finally:
                await client.aclose()

        self._loop.run(connected())


KINDS = {
    "create": CREATE,
    "exec": EXEC,
    "kill": KILL,
    "exit": EXIT,
    "exit_told": "shim.exit.reaped shim.exit.recorded",
    "both": BOTH,
    "delete": DELETE,
    "clean_up": CLEAN_UP,
    "import_": IMPORT,
    "pull": PULL,
    "collect": COLLECT,
}


def drawn(count: int, chance: random.Random) -> list[tuple[str, str]]:
    """Every kind at every point of it first, then random ones, cheap ones more often: a dead supervisor costs a start,
    and an exec'd process whose shim died waits for the machine's init."""
    every = [(kind, point) for kind, points in KINDS.items() for point in points.split()]
    weights = [
        4 if point.startswith(("shim.", "cleanup.")) and not kind.startswith("ex") else 1 for kind, point in every
    ]
    more = chance.choices(every, weights, k=max(count - len(every), 0))
    found = [*chance.sample(every, len(every)), *more]
    return found[:count]


@needs.binary("docker-registry")
def test_every_death_between_two_steps(tmp_path: Path) -> None:
    """Two houses at once, each a process with a supervisor of its own."""
    cases = drawn(CASES, random.Random(SEED))
    own = multiprocessing.get_context("spawn")
    with DockerRegistry(tmp_path / "registry") as registry, ProcessPoolExecutor(2, own) as pool:
        jobs = [pool.submit(work_off, cases[who::2], tmp_path / f"h{who}", registry.host) for who in range(2)]
        for job in jobs:
            job.result()


def work_off(waiting: list[tuple[str, str]], folder: Path, registry: str) -> None:
    """One case after the other; `registry` is its host."""
    with House(folder) as house, asyncio.Runner() as loop:
        cases = Cases(house, loop, folder, registry)
        cases.push()
        for kind, point in waiting:
            try:
                getattr(cases, kind)(point)
            except (AssertionError, grpc.RpcError) as error:
                raise AssertionError(f"{kind} at {point}, WHERRY_CRASH_SEED={SEED}: {error}") from error
