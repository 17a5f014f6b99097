"""From words to a program: the look-up that Go's exec.LookPath makes, its errors, and execve(2)."""

import errno
import os
import stat

from lowrt.errors import executable_not_found, executable_unusable, reason_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


class Program:
    """What to execute, in the bytes that execve(2) takes."""

    __slots__ = ("arguments", "environment", "name", "path")

    def __init__(self, arguments: "Sequence[str]", environment: "Sequence[str]") -> None:
        self.name = arguments[0]
        self.arguments = [os.fsencode(word) for word in arguments]
        self.environment = dict(_pair(entry) for entry in environment)
        self.path = self.environment.get(b"PATH", b"")

    def set_default_home(self, home: bytes) -> None:
        """Set HOME unless the configuration did."""
        if not self.environment.get(b"HOME"):
            self.environment[b"HOME"] = home


def _pair(entry: str) -> tuple[bytes, bytes]:
    name, _, value = os.fsencode(entry).partition(b"=")
    return name, value


def look_up(program: Program) -> bytes:
    """The file to execute, looked for in the container by the user that will execute it."""
    if "/" in program.name:
        refusal = _refusal(program.arguments[0])
        if refusal is not None:
            raise executable_unusable(program.name, refusal)
        return program.arguments[0]
    for folder in program.path.split(b":") if program.path else ():
        candidate = os.path.join(folder or b".", program.arguments[0])
        if _refusal(candidate) is None:
            if not candidate.startswith(b"/"):
                raise executable_unusable(program.name, "cannot run executable found relative to current directory")
            return candidate
    raise executable_not_found(program.name)


def _refusal(path: bytes) -> str | None:
    """Why the file cannot be executed, None when it can."""
    try:
        status = os.stat(path)
    except OSError as error:
        return f"stat {os.fsdecode(path)}: {reason_of(error)}"
    if stat.S_ISDIR(status.st_mode):
        return reason_of(OSError(errno.EISDIR, ""))
    if not status.st_mode & 0o111:
        return reason_of(OSError(errno.EACCES, ""))
    return None


def execute(file: bytes, program: Program) -> OSError:
    """execve(2); comes back only with the reason why it failed."""
    try:
        os.execve(file, program.arguments, program.environment)  # noqa: S606 - this is what we are for
    except OSError as error:
        return error
    raise AssertionError("execve returned")


def complain(file: bytes, error: OSError) -> int:
    """Nobody listens any more but the container's own stderr; the status that a shell would give."""
    os.write(2, b"exec %s: %s\n" % (file, reason_of(error).encode()))
    return 1
