"""Engines under load: lives by the raw API, many containers, much output, and what they cost while nothing happens.

The client is some lines of HTTP on the engine's socket, so that the engine is timed and not a command line.
"""

import http.client
import json
import os
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.bench.measure import in_turn, print_table
from tests.bench.stacks import Engine, engines

Json = dict[str, Any]
Rows = dict[str, dict[str, float]]

VERSION = "/v1.41"
WORKERS, LIVES = 8, 5
LISTED = 500
HEALTHY = 50
HEALTH_SECONDS = 5
IDLE_SECONDS = 20
MEGABYTES = 100
_LINE = "0123456789abcdefghijklmnopqrstuvwxyz" * 3
_WRITE = f"yes {_LINE} | head -c {MEGABYTES << 20}"
_TICKS = os.sysconf("SC_CLK_TCK")


class Api:
    """One connection to an engine at a time, as the stock CLI has."""

    def __init__(self, engine: Engine) -> None:
        self._address = str(engine.address)

    def connection(self) -> http.client.HTTPConnection:
        """Connected."""
        found = http.client.HTTPConnection("localhost", timeout=300)
        found.sock = socket.socket(socket.AF_UNIX)
        found.sock.connect(self._address)
        return found

    def call(self, method: str, path: str, body: Json | None = None) -> bytes:
        """The answer's whole body; an error is raised."""
        connection = self.connection()
        try:
            headers = {"Content-Type": "application/json"}
            connection.request(method, VERSION + path, json.dumps(body or {}) if method == "POST" else None, headers)
            response = connection.getresponse()
            answer = response.read()
        finally:
            connection.close()
        if response.status >= 400:
            raise RuntimeError(f"{method} {path}: {response.status} {answer.decode()}")
        return answer

    def create(self, name: str = "", **config: Any) -> str:
        """A container of busybox without a network; its id."""
        host = {"NetworkMode": "none", **config.pop("HostConfig", {})}
        body = {"Image": "busybox", "Cmd": ["true"], "HostConfig": host, **config}
        return str(json.loads(self.call("POST", f"/containers/create?name={name}", body))["Id"])

    def start(self, container: str) -> None:
        self.call("POST", f"/containers/{container}/start")

    def wait(self, container: str) -> None:
        self.call("POST", f"/containers/{container}/wait")

    def remove(self, container: str) -> None:
        self.call("DELETE", f"/containers/{container}?force=1")

    def life(self) -> None:
        """From create to delete."""
        container = self.create()
        self.start(container)
        self.wait(container)
        self.remove(container)

    def execute(self, container: str) -> None:
        """`exec true`, to the end of its output."""
        body = {"AttachStdout": True, "AttachStderr": True, "Cmd": ["true"]}
        made = json.loads(self.call("POST", f"/containers/{container}/exec", body))
        self.call("POST", f"/exec/{made['Id']}/start", {"Detach": False, "Tty": False})

    def read(self, method: str, path: str, *, then: Callable[[], None] | None = None) -> int:
        """Count the bytes of a stream, to its end; `then` is done once it is open."""
        connection = self.connection()
        connection.request(method, VERSION + path, headers={"Content-Length": "0"})
        response = connection.getresponse()
        if then is not None:
            then()
        total = 0
        while chunk := response.read1(1 << 18) if response.length is None else response.read(1 << 18):
            total += len(chunk)
        connection.close()
        return total


def run(folder: Path, rounds: int) -> None:
    """Time and print."""
    with engines(folder) as found:
        apis = {one.name: Api(one) for one in found}
        print_table("Engines, raw API", _lives(apis, rounds), ours="wherry")
        print_table(f"Engines, {MEGABYTES} MB of output", _output(apis), ours="wherry")
        print_table(f"Engines, {LISTED} containers", _listed(found, apis, rounds), ours="wherry")
        print_table(f"Engines, {HEALTHY} containers with health checks", _healthy(found, apis), ours="wherry")
        rows = {"RSS of the daemons": {one.name: _resident(_processes_of(one)[0]) for one in found}}
        print_table("Engines, after all this", rows, ours="wherry", unit="MB")


def _lives(apis: dict[str, Api], rounds: int) -> Rows:
    rows = {"create, start, wait, remove": in_turn({name: api.life for name, api in apis.items()}, rounds)}
    many = in_turn({name: _many(api) for name, api in apis.items()}, max(rounds // 5, 2))
    rows[f"the same, each of {WORKERS} at a time"] = {name: took / (WORKERS * LIVES) for name, took in many.items()}
    still = {name: api.create(Cmd=["sleep", "100000"]) for name, api in apis.items()}
    for name, api in apis.items():
        api.start(still[name])
    rows["exec true"] = in_turn({name: _exec(api, still[name]) for name, api in apis.items()}, rounds)
    for name, api in apis.items():
        api.remove(still[name])
    return rows


def _many(api: Api) -> Callable[[], None]:
    def job() -> None:
        with ThreadPoolExecutor(WORKERS) as pool:
            for future in [pool.submit(api.life) for _ in range(WORKERS * LIVES)]:
                future.result()

    return job


def _exec(api: Api, container: str) -> Callable[[], None]:
    return lambda: api.execute(container)


def _output(apis: dict[str, Api]) -> Rows:
    """Written to the log, read from it, and attached to with no log at all."""
    rows: Rows = {"written to json-file": {}, "logs": {}, "attach": {}}
    for name, api in apis.items():
        kept = {"Type": "json-file", "Config": {"max-size": "1g", "max-file": "1"}}  # ours is bounded by default
        container = api.create(Cmd=["sh", "-c", _WRITE], HostConfig={"LogConfig": kept})
        began = time.perf_counter()
        api.start(container)
        api.wait(container)
        rows["written to json-file"][name] = time.perf_counter() - began
        rows["logs"][name] = _seconds(lambda: api.read("GET", f"/containers/{container}/logs?stdout=1"))  # noqa: B023
        api.remove(container)
        container = api.create(Cmd=["sh", "-c", _WRITE], HostConfig={"LogConfig": {"Type": "none"}})
        path = f"/containers/{container}/attach?stdout=1&stream=1"
        rows["attach"][name] = _seconds(lambda: api.read("POST", path, then=lambda: api.start(container)))  # noqa: B023
        api.remove(container)
    return rows


def _seconds(read: Callable[[], int]) -> float:
    began = time.perf_counter()
    total = read()
    if total < MEGABYTES << 20:
        raise RuntimeError(f"only {total} bytes came")
    return time.perf_counter() - began


def _listed(found: list[Engine], apis: dict[str, Api], rounds: int) -> Rows:
    made = {name: [api.create(f"listed-{number}") for number in range(LISTED)] for name, api in apis.items()}
    rows = {
        "docker ps -a": in_turn({one.name: _command(one, "ps", "-a") for one in found}, rounds),
        "the same, raw": in_turn({name: _list(api) for name, api in apis.items()}, rounds),
    }
    for name, api in apis.items():
        for container in made[name]:
            api.remove(container)
    return rows


def _command(engine: Engine, *words: str) -> Callable[[], object]:
    return lambda: engine.docker(*words)


def _list(api: Api) -> Callable[[], object]:
    return lambda: api.call("GET", "/containers/json?all=1")


def _healthy(found: list[Engine], apis: dict[str, Api]) -> Rows:
    """What daemons and shims use in a second, the checks' own processes included."""
    rows: Rows = {f"CPU per second, a check every {HEALTH_SECONDS} s": {}, "docker stats --no-stream": {}}
    (busy, stats) = rows
    check = {"Test": ["CMD", "true"], "Interval": HEALTH_SECONDS * 10**9, "Retries": 3, "Timeout": 30 * 10**9}
    for one in found:
        api = apis[one.name]
        containers = [api.create(Cmd=["sleep", "100000"], Healthcheck=check) for _ in range(HEALTHY)]
        for container in containers:
            api.start(container)
        time.sleep(HEALTH_SECONDS)  # every one has had its first check
        daemons, shims = _processes_of(one)
        before = _cpu(daemons | shims)
        time.sleep(IDLE_SECONDS)
        rows[busy][one.name] = (_cpu(daemons | shims) - before) / _TICKS / IDLE_SECONDS
        began = time.perf_counter()
        one.docker("stats", "--no-stream")
        rows[stats][one.name] = time.perf_counter() - began
        for container in containers:
            api.remove(container)
    return rows


def _processes_of(engine: Engine) -> tuple[set[int], set[int]]:
    """The engine's daemons and its shims: whoever names its folder."""
    folder = f"{engine.address.parent}/"
    daemons, shims = set(), set()
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().decode(errors="replace")
            name = (entry.parent / "comm").read_text()
        except OSError:
            continue  # it ended while we looked
        if folder in words:
            (shims if name.startswith("containerd-shim") else daemons).add(int(entry.parent.name))
    return daemons, shims


def _cpu(pids: set[int]) -> int:
    """Clock ticks used so far, those of reaped children included."""
    total = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except FileNotFoundError:  # a check's own process, which has ended: it counts with who has reaped it
            continue
        total += sum(map(int, fields[11:15]))
    return total


def _resident(pids: set[int]) -> float:
    total = 0
    for pid in pids:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        total += sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
    return total / 1000
