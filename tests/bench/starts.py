"""How long engines take to start when they have many stopped containers: until they answer what those are."""

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.bench.load import Api
from tests.bench.measure import in_turn, print_table
from tests.bench.stacks import Engine, launchable
from tests.images import busybox_archive

STOPPED = 500
ROUNDS = 5
_TICKS = os.sysconf("SC_CLK_TCK")


def run(folder: Path, rounds: int) -> None:
    """Time and print; what the engines stand on runs throughout."""
    archive = busybox_archive(folder / "busybox.tar")
    rows: dict[str, dict[str, float]] = {}
    with launchable(folder) as found:
        for count in (0, STOPPED):
            for engine in found:
                with engine.launch():
                    engine.docker("load", "-i", str(archive))
                    _fill(Api(engine), count)
            seconds = {engine.name: list[float]() for engine in found}
            jobs = {engine.name: _start(engine, count, seconds[engine.name]) for engine in found}
            rows[f"start with {count} stopped containers"] = in_turn(jobs, min(rounds, ROUNDS))
            rows[f"… processor time with {count}"] = {
                name: sorted(all_)[len(all_) // 2] for name, all_ in seconds.items()
            }
    print_table("Engines, from the start to the answer", rows, ours="wherry")


def _fill(api: Api, count: int) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: api.create(f"stopped-{number}"), range(count)))


def _start(engine: Engine, count: int, seconds: list[float]) -> Callable[[], None]:
    """A job: begin, answer, end; the end is quick, as nothing runs."""

    def job() -> None:
        with engine.launch():
            listed = json.loads(Api(engine).call("GET", "/containers/json?all=1"))
            seconds.append(_used(engine))
        if len(listed) != count:
            raise RuntimeError(f"{engine.name}: {len(listed)} of {count} containers are there")

    return job


def _used(engine: Engine) -> float:
    """Seconds of processor time that the engine has used so far."""
    pid = int((engine.address.parent / "pid").read_text())
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
