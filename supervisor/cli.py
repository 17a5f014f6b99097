"""The command line, with containerd's grammar: flags, then a command, in Go's syntax (`-a X`, `-root X`, `--root=X`).

wherry-supervisor [flags]                        run the daemon in the foreground
wherry-supervisor [flags] config default|dump    print the default configuration, or the one that would be used
wherry-supervisor [flags] publish --topic T --namespace NS    publish the Any on stdin, as old shims do
"""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from supervisor import __version__
from supervisor.config import Config, ConfigError, Socket, check, load
from supervisor.paths import DEFAULT_CONFIG

NAME = "wherry-supervisor"

USAGE = f"""\
{NAME} - container runtime daemon with containerd's API

USAGE:
   {NAME} [global options] [command [command options]]

COMMANDS:
   config default   See the output of the default config
   config dump      See the output of the final main config with imported in subconfig files
   publish          Publish an event, read from stdin as a protobuf Any, to the daemon

GLOBAL OPTIONS:
   --config value, -c value     Path to the configuration file (default: {DEFAULT_CONFIG})
   --log-level value, -l value  Set the logging level [trace, debug, info, warn, error, fatal, panic]
   --log-format value           Set the log's form [text, json]
   --address value, -a value    Address of the gRPC socket
   --root value                 Root directory: what survives a reboot
   --state value                State directory: what does not
   --help, -h                   Show help
   --version, -v                Print the version
"""

_GLOBAL = {
    "config": "config",
    "c": "config",
    "log-level": "log-level",
    "l": "log-level",
    "log-format": "log-format",
    "address": "address",
    "a": "address",
    "root": "root",
    "state": "state",
}
_SWITCHES = {"help": "help", "h": "help", "version": "version", "v": "version"}
_PUBLISH = {"namespace": "namespace", "topic": "topic"}


class UsageError(Exception):
    """The command line is wrong."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """Flags by their long name; what follows them."""

    flags: Mapping[str, str]
    rest: tuple[str, ...]


def parse_flags(arguments: Sequence[str], valued: Mapping[str, str], switches: Mapping[str, str]) -> Parsed:
    """Read flags up to the first word that is none, as Go's package `flag` does; pure."""
    flags: dict[str, str] = {}
    position = 0
    while position < len(arguments):
        word = arguments[position]
        if word == "--":
            position += 1
            break
        if len(word) < 2 or not word.startswith("-"):
            break
        name, equals, value = word.removeprefix("-").removeprefix("-").partition("=")
        position += 1
        if name in switches:
            flags[switches[name]] = value or "true"
        elif name not in valued:
            raise UsageError(f"flag provided but not defined: -{name}")
        elif equals:
            flags[valued[name]] = value
        elif position == len(arguments):
            raise UsageError(f"flag needs an argument: -{name}")
        else:
            flags[valued[name]] = arguments[position]
            position += 1
    return Parsed(flags, tuple(arguments[position:]))


def configure(flags: Mapping[str, str]) -> Config:
    """File, then flags; a file that was not asked for may be absent."""
    path = flags.get("config", DEFAULT_CONFIG)
    config = load(path) if "config" in flags or os.path.exists(path) else Config()
    changes: dict[str, Any] = {}
    for flag, name in (("root", "root"), ("state", "state")):
        if flags.get(flag):
            changes[name] = os.path.abspath(flags[flag])
    for flag, name in (("log-level", "log_level"), ("log-format", "log_format")):
        if flags.get(flag):
            changes[name] = flags[flag]
    if flags.get("address"):
        changes["grpc"] = Socket(flags["address"], config.grpc.uid, config.grpc.gid)
    return check(replace(config, **changes))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; the exit code is containerd's: 1 for what failed."""
    try:
        return _main(sys.argv[1:] if arguments is None else list(arguments))
    except UsageError as error:
        sys.stderr.write(f"Incorrect Usage: {error}\n\n{USAGE}\n{NAME}: {error}\n")
    except ConfigError as error:
        sys.stderr.write(f"{NAME}: {error}\n")
    return 1


def _main(arguments: Sequence[str]) -> int:
    parsed = parse_flags(arguments, _GLOBAL, _SWITCHES)
    if "help" in parsed.flags or parsed.rest[:1] in (("help",), ("h",)):
        sys.stdout.write(USAGE)
        return 0
    if "version" in parsed.flags:
        sys.stdout.write(f"{NAME} wherry {__version__}\n")
        return 0
    if not parsed.rest:
        config = configure(parsed.flags)
        from supervisor.daemon import run

        return run(config)
    return _command(parsed)


def _command(parsed: Parsed) -> int:
    command, *rest = parsed.rest
    if command == "config":
        return _config(parsed.flags, rest)
    if command == "publish":
        return _publish(parsed.flags, rest)
    raise UsageError(f"No help topic for '{command}'")


def _config(flags: Mapping[str, str], words: Sequence[str]) -> int:
    from supervisor.config_text import render

    if list(words) == ["default"]:
        sys.stdout.write(render(Config()))
    elif list(words) in (["dump"], ["migrate"]):
        sys.stdout.write(render(configure(flags)))
    else:
        raise UsageError("config: expected default or dump")
    return 0


def _publish(flags: Mapping[str, str], words: Sequence[str]) -> int:
    from supervisor.publish import publish

    parsed = parse_flags(words, _PUBLISH, {})
    if not parsed.flags.get("topic"):
        sys.stderr.write(f"{NAME}: topic required to publish event: invalid argument\n")
        return 1
    address = configure(flags).grpc.address
    problem = publish(address, parsed.flags.get("namespace", ""), parsed.flags["topic"], sys.stdin.buffer.read())
    if problem:
        sys.stderr.write(f"{NAME}: {problem}\n")
    return 1 if problem else 0
