"""Histograms of how long things took, labelled by what was done; counters beside them.

The buckets are the client libraries' defaults, which dockerd's timers have.
"""

import time
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(slots=True)
class Durations:
    """One histogram."""

    counts: list[int] = field(default_factory=lambda: [0] * len(BUCKETS))
    count: int = 0
    total: float = 0.0

    def observe(self, seconds: float) -> None:
        """One more."""
        self.count += 1
        self.total += seconds
        for index, limit in enumerate(BUCKETS):
            if seconds <= limit:
                self.counts[index] += 1


class Timer:
    """A family of histograms with one label."""

    def __init__(self, label: str, known: Sequence[str]) -> None:
        self.label = label
        self.durations = {value: Durations() for value in known}

    @contextmanager
    def measure(self, value: str) -> Iterator[None]:
        """Time what is done inside; a failure is not counted, as with dockerd."""
        began = time.perf_counter()
        yield
        self.durations[value].observe(time.perf_counter() - began)

    async def waited(self, value: str, work: Awaitable[T]) -> T:
        """Time something awaited."""
        with self.measure(value):
            return await work


@dataclass(slots=True)
class Metrics:
    """What the verbs count while they work; the rest is looked up when a page is asked for."""

    container_actions: Timer = field(
        default_factory=lambda: Timer("action", ("changes", "commit", "create", "delete", "start"))
    )
    network_actions: Timer = field(default_factory=lambda: Timer("action", ("allocate", "release")))
    health_checks: int = 0
    health_checks_failed: int = 0
