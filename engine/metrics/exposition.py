"""Prometheus' text format, version 0.0.4. Pure.

# HELP engine_daemon_events_total The number of events logged
# TYPE engine_daemon_events_total counter
engine_daemon_events_total 7
"""

from collections.abc import Iterator, Mapping

from engine.metrics.timers import BUCKETS, Durations, Timer

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", '"': '\\"'})
_NO_LABELS: Mapping[str, str] = {}


def head(name: str, kind: str, text: str) -> Iterator[str]:
    """The two lines before a family's samples."""
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} {kind}"


def sample(name: str, value: float, labels: Mapping[str, str] = _NO_LABELS) -> str:
    """One line."""
    pairs = ",".join(f'{label}="{text.translate(_ESCAPES)}"' for label, text in sorted(labels.items()))
    return f"{name}{{{pairs}}} {number(value)}" if pairs else f"{name} {number(value)}"


def single(name: str, kind: str, text: str, value: float) -> Iterator[str]:
    """A family of one sample."""
    yield from head(name, kind, text)
    yield sample(name, value)


def timer(name: str, text: str, found: Timer) -> Iterator[str]:
    """A family of histograms."""
    yield from head(name, "histogram", text)
    for value, durations in sorted(found.durations.items()):
        yield from _histogram(name, durations, {found.label: value})


def _histogram(name: str, durations: Durations, labels: Mapping[str, str]) -> Iterator[str]:
    for limit, count in zip(BUCKETS, durations.counts, strict=True):
        yield sample(f"{name}_bucket", count, {**labels, "le": number(limit)})
    yield sample(f"{name}_bucket", durations.count, {**labels, "le": "+Inf"})
    yield sample(f"{name}_sum", durations.total, labels)
    yield sample(f"{name}_count", durations.count, labels)


def number(value: float) -> str:
    """As Go prints it."""
    return str(int(value)) if value == int(value) else repr(value)
