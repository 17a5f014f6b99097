"""update: change a container's limits while it runs."""

import os

from lowrt.argv import Grammar, Option
from lowrt.container import status
from lowrt.container.container import Container
from lowrt.errors import InvalidArgument, naming, unsupported
from lowrt.jsontext import loads
from lowrt.spec.schema import RESOURCES, check_types

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lowrt.argv import Values
    from lowrt.cli import Context

    Json = dict[str, Any]

# option → (section, key) of linux.resources
_SIZES = {
    "memory": ("memory", "limit"),
    "memory-reservation": ("memory", "reservation"),
    "memory-swap": ("memory", "swap"),
}
_NUMBERS = {
    "blkio-weight": ("blockIO", "weight"),
    "cpu-period": ("cpu", "period"),
    "cpu-quota": ("cpu", "quota"),
    "cpu-burst": ("cpu", "burst"),
    "cpu-share": ("cpu", "shares"),
    "cpu-rt-period": ("cpu", "realtimePeriod"),
    "cpu-rt-runtime": ("cpu", "realtimeRuntime"),
    "cpu-idle": ("cpu", "idle"),
    "pids-limit": ("pids", "limit"),
}
_TEXTS = {"cpuset-cpus": ("cpu", "cpus"), "cpuset-mems": ("cpu", "mems")}
_REFUSED = ("kernel-memory", "kernel-memory-tcp", "l3-cache-schema", "mem-bw-schema")

OPTIONS = (
    Option("resources", "text", "path to the file containing the resources to update or '-' for stdin", short="r"),
    *(Option(name, "text", f"linux.resources.{'.'.join(path)}, in bytes") for name, path in _SIZES.items()),
    *(Option(name, "text", f"linux.resources.{'.'.join(path)}") for name, path in (_NUMBERS | _TEXTS).items()),
    *(Option(name, "text", "") for name in _REFUSED),
)
GRAMMAR = Grammar("update container resource constraints", OPTIONS)


def run(context: "Context", options: "Values", arguments: list[str]) -> int:
    container = Container.load(context.root, arguments[0])
    for name in _REFUSED:
        if options.given(name):
            raise unsupported(f"--{name}")
    path = options.text("resources")
    resources = _from_file(path) if path else from_options(options)
    lock = container.hold()
    try:
        status.check("update", container.status(), container.id)
        container.cgroup.apply(resources, devices=False)
    finally:
        os.close(lock)
    return 0


def _from_file(path: str) -> "Json":
    try:
        with open(0 if path == "-" else path, "rb", closefd=path != "-") as file:
            document = loads(file.read())
    except OSError as error:
        raise naming("open", error) from error
    check_types(document, RESOURCES, "")
    assert isinstance(document, dict)
    return document


def from_options(options: "Values") -> "Json":
    """linux.resources from the single options."""
    resources: Json = {}
    for name, (section, key) in _SIZES.items():
        if options.text(name):
            resources.setdefault(section, {})[key] = parse_size(name, options.text(name))
    for name, (section, key) in _NUMBERS.items():
        if options.text(name):
            resources.setdefault(section, {})[key] = _parse_number(name, options.text(name))
    for name, (section, key) in _TEXTS.items():
        if options.text(name):
            resources.setdefault(section, {})[key] = options.text(name)
    return resources


def _parse_number(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InvalidArgument(f"invalid value for {name}: {text!r} is not a number") from None


_UNITS = {"b": 0, "k": 10, "m": 20, "g": 30, "t": 40, "p": 50}


def parse_size(name: str, text: str) -> int:
    """Bytes, with a binary unit or without; -1 is no limit."""
    if text == "-1":
        return -1
    word = text.lower().removesuffix("ib")
    word = word.removesuffix("b") if len(word) > 1 and word[-2:-1] in _UNITS else word
    shift = _UNITS.get(word[-1:], -1)
    number = word[:-1] if shift >= 0 else word
    try:
        return int(float(number.strip()) * (1 << max(shift, 0)))
    except (ValueError, OverflowError):
        raise InvalidArgument(f"invalid value for {name}: invalid size: '{text}'") from None
