"""The instructions that `docker import` and `docker commit` take by --change: what in a Dockerfile sets config. Pure.

CMD ENTRYPOINT ENV EXPOSE LABEL ONBUILD STOPSIGNAL USER VOLUME WORKDIR
"""

import json
import posixpath
import shlex
from collections.abc import Callable, Iterable
from typing import Any

from proto.errdefs import InvalidArgument, Unimplemented

Config = dict[str, Any]

_SHELL = ["/bin/sh", "-c"]
_PROTOCOLS = ("tcp", "udp", "sctp")


def apply(config: Config, changes: Iterable[str]) -> Config:
    """The config after the instructions; the one given is not touched."""
    changed = json.loads(json.dumps(config))
    for line in changes:
        word, _, rest = line.strip().partition(" ")
        name, rest = word.upper(), rest.strip()
        if not name:
            continue
        instruction = _INSTRUCTIONS.get(name)
        if instruction is None:
            if name == "HEALTHCHECK":
                raise Unimplemented("HEALTHCHECK as a change is not supported")
            raise InvalidArgument(f"{word} is not a valid change command")
        if not rest:
            raise InvalidArgument(f"{name} requires at least one argument")
        instruction(changed, rest)
    return changed  # type: ignore[no-any-return]  # it came out of JSON


def _words_or_shell(text: str) -> list[str]:
    """The exec form, a JSON list, or else a line for the shell."""
    if text.startswith("["):
        try:
            words = json.loads(text)
        except ValueError:
            words = None
        if isinstance(words, list) and all(isinstance(word, str) for word in words):
            return words
    return [*_SHELL, text]


def _words(text: str) -> list[str]:
    if text.startswith("["):
        return _words_or_shell(text)
    try:
        return shlex.split(text)
    except ValueError as error:
        raise InvalidArgument(f"{text!r}: {error}") from error


def _pairs(text: str) -> list[tuple[str, str]]:
    """`a=b "c d"=e`, or the old form `a b c`, where all after the first space is the value."""
    words = _words(text)
    if "=" not in words[0]:
        key, _, value = text.partition(" ")
        if not value.strip():
            raise InvalidArgument(f"{text!r} must have two arguments")
        return [(key, value.strip())]
    found = []
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise InvalidArgument(f"Syntax error - can't find = in {word!r}. Must be of the form: name=value")
        found.append((key, value))
    return found


def _env(config: Config, text: str) -> None:
    known = dict(entry.partition("=")[::2] for entry in config.get("Env") or ())
    config["Env"] = [f"{key}={value}" for key, value in {**known, **dict(_pairs(text))}.items()]


def _label(config: Config, text: str) -> None:
    config["Labels"] = {**(config.get("Labels") or {}), **dict(_pairs(text))}


def _expose(config: Config, text: str) -> None:
    for word in _words(text):
        port, _, protocol = word.partition("/")
        protocol = protocol.lower() or "tcp"
        if not (port.isascii() and port.isdigit()) or not 0 < int(port) <= 65535 or protocol not in _PROTOCOLS:
            raise InvalidArgument(f"invalid containerPort: {word}")
        config["ExposedPorts"] = {**(config.get("ExposedPorts") or {}), f"{port}/{protocol}": {}}


def _volume(config: Config, text: str) -> None:
    for word in _words(text):
        config["Volumes"] = {**(config.get("Volumes") or {}), word: {}}


def _workdir(config: Config, text: str) -> None:
    config["WorkingDir"] = posixpath.normpath(posixpath.join(config.get("WorkingDir") or "/", text))


def _entrypoint(config: Config, text: str) -> None:
    config["Entrypoint"] = _words_or_shell(text)


def _command(config: Config, text: str) -> None:
    config["Cmd"] = _words_or_shell(text)


def _on_build(config: Config, text: str) -> None:
    config["OnBuild"] = [*(config.get("OnBuild") or ()), text]


def _setter(key: str) -> Callable[[Config, str], None]:
    def set_it(config: Config, text: str) -> None:
        config[key] = text

    return set_it


_INSTRUCTIONS: dict[str, Callable[[Config, str], None]] = {
    "CMD": _command,
    "ENTRYPOINT": _entrypoint,
    "ENV": _env,
    "EXPOSE": _expose,
    "LABEL": _label,
    "ONBUILD": _on_build,
    "STOPSIGNAL": _setter("StopSignal"),
    "USER": _setter("User"),
    "VOLUME": _volume,
    "WORKDIR": _workdir,
}
