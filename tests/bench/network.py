"""Networks, beside dockerd's: what a bridge adds to a start, ports, a hundred networks, throughput, answers of DNS."""

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.bench.measure import in_turn, print_table
from tests.bench.stacks import Engine, engines

NETWORKS, PORTS, QUESTIONS, MEGABYTES, ECHOES = 100, 20, 2000, 512, 3000
SINK = """
import socket, sys
server = socket.create_server(("0.0.0.0", int(sys.argv[1])), reuse_port=True)
print("ready", flush=True)
while True:
    connection, _ = server.accept()
    while connection.recv(1 << 20):
        pass
    connection.close()
"""
SOURCE = """
import socket, sys, time
block, began = bytes(1 << 20), time.perf_counter()
with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as connection:
    for _ in range(int(sys.argv[3])):
        connection.sendall(block)
    connection.shutdown(socket.SHUT_WR)
    connection.recv(1)
print(time.perf_counter() - began)
"""
ECHO = """
import socket, sys
server = socket.create_server(("0.0.0.0", int(sys.argv[1])), reuse_port=True)
print("ready", flush=True)
while True:
    connection, _ = server.accept()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while data := connection.recv(64):
        connection.sendall(data)
    connection.close()
"""
ROUNDS = """
import socket, sys, time
with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as connection:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    times = []
    for _ in range(int(sys.argv[3])):
        began = time.perf_counter()
        connection.sendall(b"x")
        connection.recv(1)
        times.append(time.perf_counter() - began)
print(sorted(times)[len(times) // 2])
"""
ASKER = """
import socket, sys, time
asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
asking.settimeout(5)
asking.connect(("127.0.0.11", 53))
began = time.perf_counter()
for number in range(int(sys.argv[1])):
    asking.send(number.to_bytes(2, "big") + bytes.fromhex("0100000100000000000004736572760000010001"))
    assert asking.recv(512)[7] == 1, "no answer"
print(time.perf_counter() - began)
"""


def run(folder: Path, rounds: int) -> None:
    """Time and print."""
    with engines(folder) as found:
        starts = _starts(found, rounds)
        print_table("Networks: starts", starts, ours="wherry")
        print_table(f"Networks: {NETWORKS} made, and removed", _networks(found), ours="wherry")
        traffic = _traffic(found)
        print_table(f"Networks: {MEGABYTES} MB, and {QUESTIONS} questions of DNS", traffic, ours="wherry")
        print_table("Networks: a byte there and back", _latency(found), ours="wherry", unit="µs")
        _print_rates(found, starts, traffic)


def _starts(found: list[Engine], rounds: int) -> dict[str, dict[str, float]]:
    """Of each kind and each engine in turn: what a bridge adds is little beside what the machine does meanwhile."""
    published = [word for port in range(PORTS) for word in ("-p", f"{9000 + port}:{9000 + port}")]
    kinds = {
        "run --rm --network none": ["--network", "none"],
        "run --rm": [],
        f"run --rm with {PORTS} ports": published,
    }
    jobs = {
        f"{one.name} {title}": _job(one, "run", "--rm", *words, "busybox", "true")
        for title, words in kinds.items()
        for one in found
    }
    taken = in_turn(jobs, rounds)
    rows = {title: {one.name: taken[f"{one.name} {title}"] for one in found} for title in kinds}
    none, bridge, ports = rows.values()
    rows["a bridge adds"] = {name: bridge[name] - none[name] for name in bridge}
    rows["a port adds"] = {name: (ports[name] - bridge[name]) / PORTS for name in bridge}
    return rows


def _networks(found: list[Engine]) -> dict[str, dict[str, float]]:
    """One after the other, and of each engine in turn, as what else the machine does changes meanwhile."""
    made, removed = dict.fromkeys((one.name for one in found), 0.0), dict.fromkeys((one.name for one in found), 0.0)
    for number in range(NETWORKS):
        subnet = f"10.{100 + number // 256}.{number % 256}.0/24"
        for one in found:
            made[one.name] += _took(_job(one, "network", "create", "--subnet", subnet, f"n{number}"))
    for first in range(0, NETWORKS, 10):
        for one in found:
            names = [f"n{number}" for number in range(first, first + 10)]
            removed[one.name] += _took(_job(one, "network", "rm", *names))
    return {"made": made, "removed": removed}


def _took(job: Callable[[], object]) -> float:
    began = time.perf_counter()
    job()
    return time.perf_counter() - began


def _traffic(found: list[Engine]) -> dict[str, dict[str, float]]:
    megabytes = str(MEGABYTES)
    return _of_two(
        found,
        SINK,
        {
            "container to container": lambda client, _, address: _seconds(client, SOURCE, address, "9000", megabytes),
            "host to published port": lambda _, host, address: _seconds(
                host, SOURCE, _gateway(address), "9000", megabytes
            ),
            "DNS": lambda client, _, __: _seconds(client, ASKER, str(QUESTIONS)),
        },
    )


def _latency(found: list[Engine]) -> dict[str, dict[str, float]]:
    echoes = str(ECHOES)
    return _of_two(
        found,
        ECHO,
        {
            "container to container": lambda client, _, address: _seconds(client, ROUNDS, address, "9000", echoes),
            "host to published port": lambda _, host, address: _seconds(
                host, ROUNDS, _gateway(address), "9000", echoes
            ),
        },
    )


def _of_two(
    found: list[Engine], program: str, asked: dict[str, Callable[[str, str, str], float]]
) -> dict[str, dict[str, float]]:
    """The least of five, of each engine in turn: what is busy beside it only adds."""
    rows: dict[str, dict[str, float]] = {title: {} for title in asked}
    with ExitStack() as opened:
        places = {one.name: opened.enter_context(_two(one, program)) for one in found}
        for _ in range(5):
            for name, place in places.items():
                for title, ask in asked.items():
                    rows[title][name] = min(rows[title].get(name, math.inf), ask(*place))
    return rows


def _print_rates(
    found: list[Engine], starts: dict[str, dict[str, float]], traffic: dict[str, dict[str, float]]
) -> None:
    print("\nNetworks: a second has")
    for one in found:
        ports, answers = 1 / starts["a port adds"][one.name], QUESTIONS / traffic["DNS"][one.name]
        print(f"  {one.name:<20} {ports:8.0f} ports added {answers:10.0f} answers of DNS")


@contextmanager
def _two(engine: Engine, program: str) -> Iterator[tuple[str, str, str]]:
    """A container that serves and one that asks: the asker's namespace, the host's, and the server's address."""
    engine.docker("network", "create", "--subnet", "10.99.0.0/24", "bench")
    for name, words in (("serv", ["-p", "9000:9000"]), ("client", [])):
        engine.docker("run", "-d", "--name", name, "--network", "bench", *words, "busybox", "sleep", "100000")
    (server, address), (client, _) = (_place(engine, name) for name in ("serv", "client"))
    with subprocess.Popen(_words(server, program, "9000"), stdout=subprocess.PIPE) as serving:
        assert serving.stdout is not None
        serving.stdout.readline()
        try:
            yield client, f"--net={_host(engine)}", address
        finally:
            serving.kill()
    engine.docker("rm", "-f", "serv", "client")
    engine.docker("network", "rm", "bench")


def _host(engine: Engine) -> Path:
    """The namespace that the engine lives in."""
    name = f"wherry-bench-{engine.address.parent.name}"
    return next(
        path for path in (Path(f"/run/netns/{name}-{os.getpid()}"), Path(f"/run/netns/{name}")) if path.exists()
    )


def _gateway(address: str) -> str:
    return f"{address.rpartition('.')[0]}.1"


def _place(engine: Engine, name: str) -> tuple[str, str]:
    """A container's namespace, and its address."""
    document = json.loads(engine.docker("inspect", name).stdout)[0]
    return f"--net=/proc/{document['State']['Pid']}/ns/net", document["NetworkSettings"]["Networks"]["bench"][
        "IPAddress"
    ]


def _words(namespace: str, program: str, *arguments: str) -> list[str]:
    return ["nsenter", namespace, sys.executable, "-IS", "-c", program, *arguments]


def _seconds(namespace: str, program: str, *arguments: str) -> float:
    """What a program prints that has timed itself."""
    words = _words(namespace, program, *arguments)
    return float(subprocess.run(words, check=True, capture_output=True).stdout)


def _job(engine: Engine, *words: str) -> Callable[[], object]:
    return lambda: engine.docker(*words)
