"""Many at once, clients that never read, and SIGKILL in the middle of lives: the engine answers, and nothing is left.

Numbers are small, for CI's two cores; `make storms` asks for the large ones, and docs/compatibility.md has what came of
them.
"""

import contextlib
import os
import random
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import needs
from tests.engine_process import Engine

docker: Any = pytest.importorskip("docker")
pytestmark = [
    needs.root,
    needs.binary("docker"),
    needs.overlay,
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

LARGE = bool(os.environ.get("WHERRY_STORM"))
STARTS, EXECS, LISTED = (200, 100, 1000) if LARGE else (40, 30, 60)
SLEEP = {"network_mode": "none", "stop_signal": "SIGKILL"}


def at_once(count: int, work: Callable[[int], object]) -> None:
    """Run work(0), work(1) … together; the first failure is raised."""
    failures: list[BaseException] = []

    def one(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    if failures:
        raise failures[0]


@pytest.fixture
def answering(stack: Engine) -> Iterator[None]:
    """While the test runs, every ping is answered."""
    answers: list[bool] = []
    seconds: list[float] = []
    done = threading.Event()

    def ping() -> None:
        while True:
            begin = time.monotonic()
            with socket.socket(socket.AF_UNIX) as asked:
                asked.settimeout(30)
                asked.connect(str(stack.socket))
                asked.sendall(b"GET /_ping HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n")
                answers.append(asked.recv(100).startswith(b"HTTP/1.1 200"))
            seconds.append(time.monotonic() - begin)
            if done.wait(0.05):
                return

    thread = threading.Thread(target=ping)
    thread.start()
    yield
    done.set()
    thread.join()
    assert answers
    assert all(answers)
    seconds.sort()
    shown = (seconds[len(seconds) // 2], seconds[int(len(seconds) * 0.99)], seconds[-1])
    print("_ping, median, 99th percentile and most, ms:", *(f"{1000 * one:.0f}" for one in shown))


@pytest.mark.usefixtures("answering")
def test_many_starts_and_removals_at_once(client: Any) -> None:
    made = [client.containers.create("busybox", ["sleep", "1000"], **SLEEP) for _ in range(STARTS)]
    at_once(len(made), lambda number: made[number].start())
    assert {one.status for one in client.containers.list() if one in made} == {"running"}
    at_once(len(made), lambda number: made[number].remove(force=True))
    assert not [one for one in client.containers.list(all=True) if one in made]


@pytest.mark.usefixtures("answering")
def test_many_execs_at_once(client: Any) -> None:
    box = client.containers.run("busybox", ["sleep", "1000"], detach=True, **SLEEP)

    def run(number: int) -> None:
        assert box.exec_run(["echo", str(number)]).output == f"{number}\n".encode()

    at_once(EXECS, run)
    box.remove(force=True)


@pytest.mark.usefixtures("answering")
def test_long_lists_by_many_at_once(client: Any) -> None:
    """Each is whole, and nobody waits for another's."""
    body = client.api.create_container_config("busybox", ["true"], labels=["listed"])
    made = [client.api.create_container_from_config(body)["Id"] for _ in range(LISTED)]

    def ask(number: int) -> None:
        found = client.api.containers(all=True, size=bool(number % 2), filters={"label": "listed"})
        assert {one["Id"] for one in found} == set(made)

    at_once(8, ask)
    at_once(8, lambda number: [client.api.remove_container(one) for one in made[number::8]])
    assert client.api.containers(all=True, filters={"label": "listed"}) == []


@pytest.mark.usefixtures("answering")
def test_two_creations_of_one_name_have_one_winner(client: Any) -> None:
    won: list[Any] = []

    def create(_: int) -> None:
        with contextlib.suppress(docker.errors.APIError):
            won.append(client.containers.create("busybox", "true", name="wanted-by-all"))

    at_once(12, create)
    assert len(won) == 1
    won[0].remove()


@pytest.mark.usefixtures("answering")
def test_a_flood_and_clients_that_never_read(client: Any, stack: Engine) -> None:
    config = docker.types.LogConfig(type="json-file", config={"max-size": "1m", "max-file": "2"})
    box = client.containers.run(
        "busybox",
        ["sh", "-c", "i=0; while true; do echo line $i; i=$((i+1)); done"],
        detach=True,
        log_config=config,
        **SLEEP,
    )
    upgrade = "Connection: Upgrade\r\nUpgrade: tcp\r\n"
    with contextlib.ExitStack() as asked:
        for line, more in (
            (f"POST /containers/{box.id}/attach?stream=1&stdout=1", upgrade),
            (f"GET /containers/{box.id}/logs?follow=1&stdout=1", ""),
            (f"GET /containers/{box.id}/stats", ""),
            ("GET /events", ""),
        ):
            deaf = asked.enter_context(socket.socket(socket.AF_UNIX))
            deaf.connect(str(stack.socket))
            deaf.sendall(f"{line} HTTP/1.1\r\nHost: d\r\n{more}\r\n".encode())
        time.sleep(2)
        assert client.containers.run("busybox", ["echo", "still"], network_mode="none", remove=True) == b"still\n"
    before = box.logs(tail=1)
    for _ in range(100):
        if box.logs(tail=1) != before:
            break
        time.sleep(0.05)
    assert box.logs(tail=1) != before, "the deaf clients have gone, the container goes on"
    folder = Path(box.attrs["LogPath"]).parent
    assert sum(path.stat().st_size for path in folder.glob("*-json.log*")) < 4 << 20
    box.remove(force=True)


@pytest.mark.usefixtures("answering")
def test_removal_races_with_the_exit_and_stops_with_restarts(client: Any) -> None:
    def live(number: int) -> None:
        box = client.containers.create("busybox", ["sh", "-c", f"sleep 0.0{number % 10}"], **SLEEP)
        box.start()
        box.remove(force=True)

    def turn(_: int) -> None:
        box = client.containers.run("busybox", ["sleep", "1000"], detach=True, **SLEEP)
        at_once(3, lambda number: box.stop(timeout=0) if number % 2 else box.restart(timeout=0))
        box.reload()
        assert box.status in ("running", "exited")
        box.remove(force=True)

    for _ in range(3):
        at_once(10, live)
    at_once(6, turn)
    assert client.containers.list(all=True, filters={"status": "removing"}) == []


def _lives(engine: Engine, stop: threading.Event, number: int) -> None:
    """Create, start, stop, remove, again and again, whatever fails."""
    mode = ("none", "bridge")[number % 2]
    while not stop.is_set():
        try:
            with contextlib.closing(docker.DockerClient(base_url=engine.host, timeout=10)) as client:
                box = client.containers.create(
                    "busybox", ["sleep", "100"], network_mode=mode, stop_signal="KILL", volumes=["/v"]
                )
                box.start()
                box.stop(timeout=0)
                box.remove(v=True)
        except Exception:  # the daemon has been killed: that is the test
            time.sleep(0.02)


def _left_behind(engine: Engine) -> dict[str, list[str]]:
    exec_root, data = engine.folder / "exec", engine.folder / "data"
    processes = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout.splitlines()
    found = {
        "volumes": engine.out("volume", "ls", "-q").split(),
        "mounts": [point for point in engine.mounts() if "/netns" not in point],
        "shims": [line for line in processes if str(engine.folder) in line and " -id " in line],
        "namespaces": os.listdir(exec_root / "netns"),
        "links": [line for line in engine.inside("ip", "-br", "link").stdout.splitlines() if line.startswith("veth")],
        "folders": [*os.listdir(data / "containers"), *os.listdir(exec_root / "containers"), *os.listdir(data / "tmp")],
    }
    return {name: entries for name, entries in found.items() if entries}


@pytest.mark.parametrize("victim", ["engine", "supervisor"])
def test_sigkill_in_the_middle_of_lives_leaves_nothing(tmp_path_factory: pytest.TempPathFactory, victim: str) -> None:
    folder = tmp_path_factory.mktemp("k")
    with Engine(folder, "--bip", "10.217.0.1/24", bridge="wstorm0", netns=f"wherry-storm-{os.getpid()}") as engine:
        for _ in range(3):
            stop = threading.Event()
            threads = [threading.Thread(target=_lives, args=(engine, stop, number)) for number in range(4)]
            for thread in threads:
                thread.start()
            time.sleep(random.uniform(0.4, 1.0))  # somewhere in the middle
            if victim == "engine":
                engine.kill()
            elif engine.supervisor_pid is not None:
                os.kill(engine.supervisor_pid, signal.SIGKILL)
            stop.set()
            for thread in threads:
                thread.join(timeout=60)
            if victim == "engine":
                engine.start()
            for name in _when_it_answers(engine).split():
                engine.docker("rm", "-f", "-v", name)
            end = time.monotonic() + 10
            while _left_behind(engine) and time.monotonic() < end:
                time.sleep(0.2)  # a process that was killed is gone a moment later
            assert _left_behind(engine) == {}, (folder / "exec/supervisor/supervisor.log").read_text()[-6000:]


def _when_it_answers(engine: Engine) -> str:
    """The containers, once a supervisor is there again."""
    for _ in range(100):
        done = engine.docker("run", "--rm", "--network", "none", "busybox", "true", check=False)
        if done.returncode == 0:
            break
        time.sleep(0.1)
    return engine.out("ps", "-aq")
