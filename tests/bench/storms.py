"""Storms: how long `_ping` takes while an engine has much to do, beside what the machine alone would make of it.

Hundreds of clients on the engine's own cores make every process wait for its turn. So each storm is watched by three
clients in processes of their own: one as any client is, one that the scheduler prefers (nice -20), so that what it sees
is the engine's delay and not its own, and a preferred one of a server that does nothing but answer (`echo`), which
shows what of the delay is the scheduler's: no engine could do better without a priority of its own.
"""

import contextlib
import multiprocessing
import os
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

from tests.bench.load import VERSION, Api
from tests.bench.stacks import engines

STARTS, EXECS, LISTED, READERS = 200, 100, 1000, 8
FLOOD_SECONDS = 10
EVERY = 0.02
_ASK = b"GET /_ping HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n"
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK"
_SPAWN = multiprocessing.get_context("spawn")


def run(folder: Path, rounds: int) -> None:
    """Time and print; each storm once with each engine in turn."""
    del rounds
    print(f"\n_ping, ms: median, 99th percentile, most ({STARTS} starts, {EXECS} execs, lists of {LISTED})")
    print(f"  {'':<36}{'a client':>22}{'a preferred client':>22}{'an echo':>22}{'the storm, s':>14}")
    with engines(folder) as found, _echo(folder / "echo.sock") as echo:
        for name, prepare in STORMS.items():
            for engine in found:
                storm, tidy = prepare(Api(engine))
                began = time.perf_counter()
                with _watched(engine.address, echo) as seen:
                    storm()
                    took = time.perf_counter() - began
                tidy()
                print(f"  {name + ', ' + engine.name:<36}" + "".join(map(_shown, seen)) + f"{took:>14.1f}", flush=True)


def _shown(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    found = (ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)], ordered[-1])
    return "  ".join(f"{1000 * one:.1f}" for one in found).rjust(22)


Storm = tuple[Callable[[], None], Callable[[], None]]


def _at_once(count: int, work: Callable[[int], object], workers: int = 0) -> None:
    with ThreadPoolExecutor(workers or count) as pool:
        list(pool.map(work, range(count)))


def _starts(api: Api) -> Storm:
    made = [api.create(Cmd=["sleep", "100000"]) for _ in range(STARTS)]

    def storm() -> None:
        _at_once(STARTS, lambda number: api.start(made[number]))
        _at_once(STARTS, lambda number: api.remove(made[number]))

    return storm, lambda: None


def _execs(api: Api) -> Storm:
    still = api.create(Cmd=["sleep", "100000"])
    api.start(still)
    return lambda: _at_once(EXECS, lambda _: api.execute(still)), lambda: api.remove(still)


def _lists(api: Api) -> Storm:
    made = [api.create() for _ in range(LISTED)]

    def storm() -> None:
        _at_once(4 * READERS, lambda _: api.call("GET", "/containers/json?all=1&size=1"), READERS)
        _at_once(LISTED, lambda number: api.call("GET", f"/containers/{made[number]}/json"), READERS)
        _at_once(LISTED, lambda number: api.remove(made[number]), READERS)

    return storm, lambda: None


def _flood(api: Api) -> Storm:
    """One container writes what it can, four clients ask for it and never read, others go on with their work."""
    log = {"Type": "json-file", "Config": {"max-size": "1m", "max-file": "2"}}
    loud = api.create(Cmd=["sh", "-c", "while true; do echo line; done"], HostConfig={"LogConfig": log})
    api.start(loud)
    paths = ("attach?stream=1&stdout=1", "logs?follow=1&stdout=1", "stats")

    def storm() -> None:
        with contextlib.ExitStack() as deaf:
            for path in (*(f"/containers/{loud}/{one}" for one in paths), "/events"):
                connection = api.connection()
                deaf.callback(connection.close)
                connection.request("POST" if "attach" in path else "GET", VERSION + path)
            end = time.monotonic() + FLOOD_SECONDS
            while time.monotonic() < end:
                api.life()

    return storm, lambda: api.remove(loud)


STORMS: dict[str, Callable[[Api], Storm]] = {"starts": _starts, "execs": _execs, "lists": _lists, "flood": _flood}


@contextmanager
def _watched(address: Path, echo: Path) -> Iterator[list[list[float]]]:
    """Three clients while the block runs; then what each has seen."""
    seen: list[list[float]] = []
    running = []
    for target, nice in ((address, 0), (address, -20), (echo, -20)):
        ours, theirs = _SPAWN.Pipe()
        process = _SPAWN.Process(target=_ask_again, args=(str(target), nice, theirs))
        process.start()
        theirs.close()
        ours.recv()
        running.append((process, ours))
    try:
        yield seen
    finally:
        for _, ours in running:
            ours.send(None)
        for process, ours in running:
            seen.append(ours.recv())
            process.join()
            ours.close()


def _ask_again(address: str, nice: int, told: Connection) -> None:
    """In a process of its own: ask, wait a little, ask again, until told to stop; then say how long each took."""
    os.setpriority(os.PRIO_PROCESS, 0, nice)
    seconds = []
    told.send(None)
    while True:
        began = time.perf_counter()
        with socket.socket(socket.AF_UNIX) as asked:
            asked.connect(address)
            asked.sendall(_ASK)
            answer = asked.recv(4096)
        seconds.append(time.perf_counter() - began)
        if not answer.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"_ping: {answer!r}")
        if told.poll(EVERY):
            break
    told.send(seconds)


@contextmanager
def _echo(address: Path) -> Iterator[Path]:
    """A server in a process of its own that answers every client at once with the same bytes."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(address))
        listener.listen(128)
        process = _SPAWN.Process(target=_answer_all, args=(listener,), daemon=True)
        process.start()
    yield address
    process.kill()
    process.join()


def _answer_all(listener: socket.socket) -> None:
    while True:
        client, _ = listener.accept()
        with client, contextlib.suppress(OSError):
            client.recv(4096)
            client.sendall(_ANSWER)
