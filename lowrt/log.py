"""The log as runc writes it: logrus lines, text or JSON, in a file or on stderr.

The last "error" line is what containerd's shim shows to its caller.
"""

import os
import time

from lowrt.jsontext import dumps

_LEVELS = {"debug": 0, "info": 1, "warning": 2, "error": 3}
_COLOURS = {"debug": 37, "info": 36, "warning": 33, "error": 31}


class Log:
    """Where lines go; built once by the command line, handed down."""

    def __init__(self, fd: int = 2, form: str = "text", debug: bool = False, echo: bool = True) -> None:
        self._fd = fd
        self._echo = echo
        self._form = form
        self._threshold = 0 if debug else 1
        self._born = time.monotonic()

    @classmethod
    def to_file(cls, path: str, form: str, debug: bool, echo: bool = True) -> "Log":
        """Append to `path`: several processes write to one log."""
        fd = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_SYNC | os.O_CLOEXEC, 0o644)
        return cls(fd, form, debug, echo)

    def close(self) -> None:
        """Let go of the file; nothing is logged any more."""
        if self._fd != 2:
            os.close(self._fd)

    @property
    def echoes(self) -> bool:
        """Whether a fatal error is also said on stderr, where this log is not."""
        return self._echo and self._fd != 2

    @property
    def debugging(self) -> bool:
        return self._threshold == 0

    def debug(self, message: str) -> None:
        self.write("debug", message)

    def warning(self, message: str) -> None:
        self.write("warning", message)

    def error(self, message: str, code: str = "") -> None:
        self.write("error", message, code)

    def write(self, level: str, message: str, code: str = "") -> None:
        """Write one line, if the level is worth one."""
        if _LEVELS.get(level, 3) < self._threshold:
            return
        if self._form == "json":
            line = self._json_line(level, message, code)
        elif os.isatty(self._fd):
            line = self._terminal_line(level, message)
        else:
            line = f"time={_quoted(timestamp())} level={level} msg={_quoted(message)}"
        os.write(self._fd, line.encode(errors="backslashreplace") + b"\n")

    @staticmethod
    def _json_line(level: str, message: str, code: str) -> str:
        fields = {"level": level, "msg": message, "time": timestamp()}
        if code:
            fields = {"code": code, **fields}
        return dumps(fields)

    def _terminal_line(self, level: str, message: str) -> str:
        elapsed = int(time.monotonic() - self._born)
        return f"\x1b[{_COLOURS[level]}m{level[:4].upper()}\x1b[0m[{elapsed:04d}] {message:<44} "


def timestamp() -> str:
    """Now, by RFC 3339 and the local clock."""
    now = time.localtime()
    minutes = now.tm_gmtoff // 60
    zone = "Z" if minutes == 0 else f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
    return time.strftime("%Y-%m-%dT%H:%M:%S", now) + zone


_UNQUOTED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._/@^+")


def _quoted(text: str) -> str:
    """Quoted as Go's %q does where logrus finds it needful."""
    if text and _UNQUOTED.issuperset(text):
        return text
    escapes = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
    return '"' + "".join(escapes.get(c, c if c.isprintable() else f"\\x{ord(c):02x}") for c in text) + '"'
