"""Rounds in turn, medians, and a table: every contender runs once in each round and meets the same noise."""

import statistics
import time
from collections.abc import Callable, Mapping

Job = Callable[[], object]


def in_turn(jobs: Mapping[str, Job], rounds: int) -> dict[str, float]:
    """Median seconds of each job; the first round only warms caches and is not counted."""
    taken: dict[str, list[float]] = {name: [] for name in jobs}
    for number in range(rounds + 1):
        for name, job in jobs.items():
            started = time.perf_counter()
            job()
            if number:
                taken[name].append(time.perf_counter() - started)
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


def print_table(title: str, rows: Mapping[str, Mapping[str, float]], *, ours: str, unit: str = "ms") -> None:
    """A row per job, a column per contender, and how ours compares with each."""
    contenders = list(dict.fromkeys(name for cells in rows.values() for name in cells))
    scale = {"ms": 1e3, "µs": 1e6, "MB": 1.0}[unit]
    print(f"\n{title} ({unit}; in brackets: ours as a share of it)")
    print(f"  {'':<34}" + "".join(f"{name:>24}" for name in contenders))
    for job, cells in rows.items():
        line = f"  {job:<34}"
        for name in contenders:
            if name not in cells:
                line += f"{'–':>24}"
                continue
            share = "" if name == ours else f" ({cells[ours] / cells[name]:.2f})"
            line += f"{cells[name] * scale:.1f}{share}".rjust(24)
        print(line, flush=True)
