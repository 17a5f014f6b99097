"""update: change a container's limits while it runs."""

import os

from lowrt.argv import Grammar, Option
from lowrt.container import status
from lowrt.container.container import Container
from lowrt.errors import InvalidArgument, naming
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
_SIGNED = ("cpu-quota", "cpu-rt-runtime", "cpu-idle", "pids-limit")
_TEXTS = {"cpuset-cpus": ("cpu", "cpus"), "cpuset-mems": ("cpu", "mems")}
_OBSOLETE = ("kernel-memory", "kernel-memory-tcp")  # read and warned of, as by runc: no kernel has such limits any more
_INTEL_RDT = {
    "l3-cache-schema": "Intel RDT/CAT: l3 cache schema is not enabled",
    "mem-bw-schema": "Intel RDT/MBA: memory bandwidth schema is not enabled",
}

OPTIONS = (
    Option("resources", "text", "path to the file containing the resources to update or '-' for stdin", short="r"),
    *(Option(name, "text", f"linux.resources.{'.'.join(path)}, in bytes") for name, path in _SIZES.items()),
    *(Option(name, "text", f"linux.resources.{'.'.join(path)}") for name, path in (_NUMBERS | _TEXTS).items()),
    *(Option(name, "text", "refused: Intel RDT is not driven here") for name in _INTEL_RDT),
    *(Option(name, "text", "") for name in _OBSOLETE),
)
GRAMMAR = Grammar("update container resource constraints", OPTIONS)


def run(context: "Context", options: "Values", arguments: list[str]) -> int:
    container = Container.load(context.root, arguments[0])
    for name, words in _INTEL_RDT.items():
        if options.text(name):
            raise InvalidArgument(words)
    path = options.text("resources")
    resources = _from_file(path) if path else from_options(options)
    obsolete = [parse_size(name, options.text(name)) for name in _OBSOLETE if options.text(name)]
    memory = resources.get("memory") or {}
    if obsolete or memory.get("kernel") is not None or memory.get("kernelTCP") is not None:
        context.log.warning("Kernel memory settings are ignored and will be removed")
    lock = container.hold()
    try:
        status.check("update", container.status(), container.id)
        container.cgroup.apply(container.cgroup.completed(resources), devices=False)
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
    digits = text[1:] if text[:1] in ("-", "+") and name in _SIGNED else text
    if not (digits.isascii() and digits.isdigit()):
        call = "ParseInt" if name in _SIGNED else "ParseUint"
        raise InvalidArgument(f'invalid value for {name}: strconv.{call}: parsing "{text}": invalid syntax')
    return int(text)


_POWERS = {"": 0, "b": 0} | {unit + end: p for p, unit in enumerate("kmgtp", 1) for end in ("", "b", "ib")}


def parse_size(name: str, text: str) -> int:
    """Bytes, with a binary unit or without; -1 is no limit."""
    if text == "-1":
        return -1
    number = text.rstrip("bBiIkKmMgGtTpP")
    power = _POWERS.get(text[len(number) :].lower(), -1)
    number = number.removesuffix(" ")
    whole, _, fraction = number.partition(".")
    digits = whole + fraction
    if power < 0 or not (digits.isascii() and digits.isdigit()):
        raise InvalidArgument(f"invalid value for {name}: invalid size: '{text}'")
    return int(float(number) * (1 << 10 * power))
