"""Engines under the same stock docker CLI: the commands people wait for."""

import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.bench.measure import in_turn, print_table
from tests.bench.stacks import Engine, engines


def run(folder: Path, rounds: int) -> None:
    """Time and print."""
    rows = {}
    with engines(folder) as found:
        print("\nthe client of all engines: " + _client_version(found[0]))
        for network in ("none", "host", "bridge"):
            words = ["run", "--rm", "--network", network, "busybox", "true"]
            rows[f"run --rm --network {network}"] = in_turn({one.name: _job(one, *words) for one in found}, rounds)
        for one in found:
            one.docker("run", "-d", "--name", "still", "--network", "none", "busybox", "sleep", "100000")
        rows["exec true"] = in_turn({one.name: _job(one, "exec", "still", "true") for one in found}, rounds)
        rows["ps"] = in_turn({one.name: _job(one, "ps") for one in found}, rounds)
        for one in found:
            one.docker("rm", "-f", "still")
        rows["create + start + rm -f"] = in_turn({one.name: _lifecycle(one) for one in found}, rounds)
    print_table("Engines, under the stock docker CLI", rows, ours="wherry")


def _client_version(engine: Engine) -> str:
    return engine.docker("--version").stdout.strip()


def _job(engine: Engine, *words: str) -> Callable[[], "subprocess.CompletedProcess[str]"]:
    return lambda: engine.docker(*words)


def _lifecycle(engine: Engine) -> Callable[[], None]:
    def job() -> None:
        container = engine.docker("create", "busybox", "true").stdout.strip()
        engine.docker("start", container)
        engine.docker("rm", "-f", container)

    return job
