"""events: statistics of a container, once or again and again, and its out-of-memory events."""

import os
import select

from lowrt.argv import Grammar, Option
from lowrt.container import status
from lowrt.container.container import Container
from lowrt.errors import InvalidArgument
from lowrt.jsontext import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lowrt.argv import Values
    from lowrt.cli import Context

GRAMMAR = Grammar(
    "display container events such as OOM notifications, cpu, memory, and IO usage statistics",
    (
        Option("interval", "text", "set the stats collection interval", default="5s"),
        Option("stats", "bool", "display the container's stats then exit"),
    ),
)


def run(context: "Context", options: "Values", arguments: list[str]) -> int:
    container = Container.load(context.root, arguments[0])
    seconds = parse_duration(options.text("interval"))
    if seconds <= 0:
        raise InvalidArgument("duration interval must be greater than 0")
    status.check("events", container.status(), container.id)
    if options.flag("stats"):
        _print(container, "stats", container.cgroup.stats())
        return 0
    _follow(container, seconds)
    return 0


def _follow(container: Container, seconds: float) -> None:
    """Statistics at each interval, an event at each OOM kill, until init ends."""
    pidfd, watch = container.open_init(), container.cgroup.watch_oom()
    poller = select.poll()
    poller.register(pidfd, select.POLLIN)
    poller.register(watch.fileno(), select.POLLIN)
    while True:
        ready = [fd for fd, _ in poller.poll(seconds * 1000)]
        if pidfd in ready:
            return
        if watch.fileno() in ready:
            if not watch.next():
                return
            _print(container, "oom", None)
        elif not ready:
            _print(container, "stats", container.cgroup.stats())


def _print(container: Container, kind: str, data: object) -> None:
    document = {"type": kind, "id": container.id}
    line = document if data is None else document | {"data": data}
    os.write(1, dumps(line).encode() + b"\n")


_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def parse_duration(text: str) -> float:
    """Go's durations, such as 1m30s or 500ms, in seconds."""
    total, number, rest = 0.0, "", text
    while rest:
        if rest[0].isdigit() or rest[0] == ".":
            number, rest = number + rest[0], rest[1:]
            continue
        unit = next((unit for unit in sorted(_UNITS, key=len, reverse=True) if rest.startswith(unit)), None)
        if unit is None or not number:
            break
        total, number, rest = total + float(number) * _UNITS[unit], "", rest[len(unit) :]
    if rest or number or not text:
        raise InvalidArgument(f'invalid value "{text}" for flag -interval: parse error')
    return total
