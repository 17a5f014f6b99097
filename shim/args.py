"""The shim's command line, in the syntax of Go's flag package: `-k v`, `-k=v`, one dash or two. No I/O.

The first word that is no flag is the action (`start`, `delete`, `zygote`); without one the program is the server.
"""

LISTEN_FD = 3  # where a server without -socket finds the socket that `start` has bound

_STRINGS = {
    "namespace": "namespace that owns the shim",
    "id": "id of the task",
    "address": "grpc address back to main containerd",
    "publish-binary": "path to the publish binary; accepted and unused, events go to TTRPC_ADDRESS",
    "socket": "socket path to serve",
    "debug-socket": "refused: send SIGUSR1 for a stack dump instead",
    "bundle": "path to the bundle if not workdir",
}
_BOOLEANS = {
    "debug": "enable debug output in logs",
    "v": "show the shim version and exit",
    "version": "show the shim version and exit",
    "info": "read the options from stdin, print the shim's information, and exit",
}
_TRUE = ("1", "t", "T", "true", "TRUE", "True")
_FALSE = ("0", "f", "F", "false", "FALSE", "False")


class UsageError(Exception):
    """The command line cannot be understood; the text is what the Go program prints."""


class Arguments:
    """One invocation. An absent string flag is empty, as the Go program has it."""

    __slots__ = ("action", "address", "bundle", "debug", "id", "info", "namespace", "socket", "version")

    def __init__(self, strings: dict[str, str], booleans: dict[str, bool], action: str) -> None:
        self.namespace = strings.get("namespace", "")
        self.id = strings.get("id", "")
        self.address = strings.get("address", "")
        self.socket = strings.get("socket", "")
        self.bundle = strings.get("bundle", "")
        self.debug = booleans.get("debug", False)
        self.info = booleans.get("info", False)
        self.version = booleans.get("v", False) or booleans.get("version", False)
        self.action = action


def parse(argv: list[str]) -> Arguments:
    """Arguments from the words after the program's name; raises UsageError."""
    strings: dict[str, str] = {}
    booleans: dict[str, bool] = {}
    words = list(argv)
    while words and words[0].startswith("-") and words[0] != "-":
        word = words.pop(0)
        if word == "--":
            break
        name, has_value, value = _split(word)
        if name in _BOOLEANS:
            booleans[name] = _boolean(name, value) if has_value else True
        elif name in _STRINGS:
            if not has_value:
                if not words:
                    raise UsageError(f"flag needs an argument: -{name}")
                value = words.pop(0)
            strings[name] = value
        else:
            raise UsageError(f"flag provided but not defined: -{name}")
    if strings.get("debug-socket"):
        raise UsageError("-debug-socket is not supported: send SIGUSR1 for a stack dump")
    return Arguments(strings, booleans, words[0] if words else "")


def usage() -> str:
    """The list of flags, as Go prints it."""
    lines = []
    for name in sorted({**_STRINGS, **_BOOLEANS}):
        kind = " string" if name in _STRINGS else ""
        lines.append(f"  -{name}{kind}\n    \t{_STRINGS.get(name) or _BOOLEANS[name]}\n")
    return "".join(lines)


def server_argv(arguments: Arguments) -> list[str]:
    """The flags of the server that a `start` leaves behind."""
    words = ["-namespace", arguments.namespace, "-id", arguments.id, "-address", arguments.address]
    return [*words, "-debug"] if arguments.debug else words


def _split(word: str) -> tuple[str, bool, str]:
    body = word[2:] if word.startswith("--") else word[1:]
    name, equals, value = body.partition("=")
    if not name or name.startswith("-"):
        raise UsageError(f"bad flag syntax: {word}")
    return name, bool(equals), value


def _boolean(name: str, value: str) -> bool:
    if value in _TRUE:
        return True
    if value in _FALSE:
        return False
    raise UsageError(f'invalid boolean value "{value}" for -{name}: parse error')
