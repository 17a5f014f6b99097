"""The instructions that change configuration only: each takes the config and gives its history comment. Pure.

ENV and LABEL are `name value delimiter` triples; words were expanded before, where docker expands them.
"""

import json
import posixpath
import re
from collections.abc import Callable, Sequence
from typing import Any

from engine.builder.parser import Instruction
from engine.builder.variables import Expander
from engine.containers.signals import parse_signal
from engine.images.changes import Config
from proto.errdefs import InvalidArgument

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h)")
_NANOSECONDS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}

Apply = Callable[[Config, Instruction, Expander], str]


def apply(config: Config, instruction: Instruction, expander: Expander) -> tuple[Config, str]:
    """The config after the instruction, and the comment; the one given is not touched."""
    changed: Config = json.loads(json.dumps(config))
    comment = HANDLERS[instruction.name](changed, instruction, expander)
    return {key: value for key, value in changed.items() if value is not None}, comment


def command_line(instruction: Instruction, words: Sequence[str], shell: Sequence[str]) -> list[str]:
    """The exec form as it is, the shell form under the shell."""
    if instruction.json:
        return list(words)
    return [*shell, *words] if words else []


def resolve_workdir(current: str, path: str) -> str:
    """WORKDIR and relative destinations: joined to what was set before."""
    if not path:
        raise InvalidArgument("cannot normalize nothing")
    joined = posixpath.normpath(posixpath.join("/", current or "/", path))
    return "/" + joined.lstrip("/")


def _shell(config: Config) -> list[str]:
    return list(config.get("Shell") or ("/bin/sh", "-c"))


def _pairs(instruction: Instruction, expander: Expander) -> list[tuple[str, str]]:
    pairs = []
    for index in range(0, len(instruction.args), 3):
        name = expander.word(instruction.args[index])
        if not name:
            raise instruction.fault(f"{instruction.name} names can not be blank")
        pairs.append((name, expander.word(instruction.args[index + 1])))
    return pairs


def _env(config: Config, instruction: Instruction, expander: Expander) -> str:
    pairs = _pairs(instruction, expander)
    known = dict(entry.partition("=")[::2] for entry in config.get("Env") or ())
    config["Env"] = [f"{key}={value}" for key, value in {**known, **dict(pairs)}.items()]
    return " ENV " + " ".join(f"{key}={value}" for key, value in pairs)


def _label(config: Config, instruction: Instruction, expander: Expander) -> str:
    pairs = _pairs(instruction, expander)
    config["Labels"] = {**(config.get("Labels") or {}), **dict(pairs)}
    return " LABEL " + " ".join(f"{key}={value}" for key, value in pairs)


def _expose(config: Config, instruction: Instruction, expander: Expander) -> str:
    words = [word for arg in sorted(instruction.args) for word in expander.words(arg)]
    ports = dict(config.get("ExposedPorts") or {})
    for word in words:
        ports.update({port: {} for port in parse_ports(word)})
    config["ExposedPorts"] = ports
    return " EXPOSE " + " ".join(words)


def parse_ports(word: str) -> list[str]:
    """`[[ip:]host:]port[-port][/protocol]`; what is published is not the builder's business."""
    left, _, protocol = word.partition("/")
    protocol = (protocol or "tcp").lower()
    text = left.rpartition(":")[2]
    if not text:
        raise InvalidArgument(f"no port specified: {word}<empty>")
    if protocol not in ("tcp", "udp", "sctp"):
        raise InvalidArgument(f"invalid proto: {protocol}")
    first, dash, last = text.partition("-")
    numbers = [first, last] if dash else [first, first]
    if not all(number.isascii() and number.isdigit() and len(number) <= 5 for number in numbers):
        raise InvalidArgument(f"invalid containerPort: {text}")
    start, end = map(int, numbers)
    if end < start or end > 65535:
        raise InvalidArgument(f"invalid containerPort: {text}")
    return [f"{number}/{protocol}" for number in range(start, end + 1)]


def _volume(config: Config, instruction: Instruction, expander: Expander) -> str:
    words = [expander.word(word) for word in instruction.args]
    if not all(word.strip() for word in words):
        raise instruction.fault("VOLUME specified can not be an empty string")
    config["Volumes"] = {**(config.get("Volumes") or {}), **{word: {} for word in words}}
    return f" VOLUME [{' '.join(words)}]"


def _workdir(config: Config, instruction: Instruction, expander: Expander) -> str:
    config["WorkingDir"] = resolve_workdir(config.get("WorkingDir") or "", expander.word(instruction.args[0]))
    return f"WORKDIR {config['WorkingDir']}"


def _user(config: Config, instruction: Instruction, expander: Expander) -> str:
    config["User"] = expander.word(instruction.args[0])
    return f" USER {config['User']}"


def _stop_signal(config: Config, instruction: Instruction, expander: Expander) -> str:
    word = expander.word(instruction.args[0])
    parse_signal(word)
    config["StopSignal"] = word
    return f" STOPSIGNAL {word}"


def _command(config: Config, instruction: Instruction, expander: Expander) -> str:
    config["Cmd"] = command_line(instruction, instruction.args, _shell(config)) or None
    return f" CMD {go_quoted(config['Cmd'] or [])}"


def _entrypoint(config: Config, instruction: Instruction, expander: Expander) -> str:
    config["Entrypoint"] = command_line(instruction, instruction.args, _shell(config)) or None
    return f" ENTRYPOINT {go_quoted(config['Entrypoint'] or [])}"


def _set_shell(config: Config, instruction: Instruction, expander: Expander) -> str:
    config["Shell"] = list(instruction.args)
    return f" SHELL [{' '.join(instruction.args)}]"


def _on_build(config: Config, instruction: Instruction, expander: Expander) -> str:
    config["OnBuild"] = [*(config.get("OnBuild") or ()), instruction.rest]
    return f" ONBUILD {instruction.rest}"


def _healthcheck(config: Config, instruction: Instruction, expander: Expander) -> str:
    kind, words = instruction.args[0].upper(), list(instruction.args[1:])
    if kind == "NONE":
        config["Healthcheck"] = {"Test": ["NONE"]}
        return f" HEALTHCHECK {go_struct(config['Healthcheck'])}"
    found: dict[str, Any] = {"Test": ["CMD", *words] if instruction.json else ["CMD-SHELL", *words]}
    for flag, key in (
        ("interval", "Interval"),
        ("timeout", "Timeout"),
        ("start-period", "StartPeriod"),
        ("start-interval", "StartInterval"),
    ):
        if instruction.flags.get(flag):
            found[key] = duration(flag, instruction.flags[flag])
    retries = instruction.flags.get("retries")
    if retries:
        if not retries.isascii() or not retries.isdigit():
            raise instruction.fault(f"--retries must be a number, not {retries!r}")
        found["Retries"] = int(retries)
    config["Healthcheck"] = found
    return f" HEALTHCHECK {go_struct(found)}"


def duration(flag: str, text: str) -> int:
    """Go's durations, in nanoseconds; at least a millisecond, as dockerd wants."""
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise InvalidArgument(f'invalid duration for --{flag}: "{text}"')
    total = int(sum(float(number) * _NANOSECONDS[unit] for number, unit in parts))
    if 0 < total < 10**6:
        raise InvalidArgument(f'Interval "{flag}" cannot be less than 1ms')
    return total


def go_quoted(words: Sequence[str]) -> str:
    """Go's %q of strings."""
    return "[" + " ".join(json.dumps(word, ensure_ascii=False) for word in words) + "]"


def go_struct(check: dict[str, Any]) -> str:
    """Go's %+v of a HealthConfig."""
    seconds = [_go_duration(check.get(key, 0)) for key in ("Interval", "Timeout", "StartPeriod")]
    return (
        f"&{{{go_quoted(check['Test'])} {json.dumps(seconds[0])} {json.dumps(seconds[1])} {json.dumps(seconds[2])} "
        f"'\\x{check.get('Retries', 0):02d}'}}"
    )


def _go_duration(nanoseconds: int) -> str:
    if not nanoseconds:
        return "0s"
    if nanoseconds < 10**9:
        return f"{nanoseconds / 10**6:g}ms"
    hours, rest = divmod(nanoseconds, 3600 * 10**9)
    minutes, rest = divmod(rest, 60 * 10**9)
    text = f"{rest / 10**9:g}s"
    return (f"{hours}h" if hours else "") + (f"{minutes}m" if hours or minutes else "") + text


HANDLERS: dict[str, Apply] = {
    "CMD": _command,
    "ENTRYPOINT": _entrypoint,
    "ENV": _env,
    "EXPOSE": _expose,
    "HEALTHCHECK": _healthcheck,
    "LABEL": _label,
    "ONBUILD": _on_build,
    "SHELL": _set_shell,
    "STOPSIGNAL": _stop_signal,
    "USER": _user,
    "VOLUME": _volume,
    "WORKDIR": _workdir,
}
