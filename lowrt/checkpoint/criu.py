"""criu as a process: `criu swrk` on a socket of ours, asked by RPC, one packet a message.

It inherits our end's credentials, so that the descriptors which a request names are ours: criu opens them through
/proc. A request that works on processes sends notifications on its way; each waits until its handler has returned.
"""

import _socket
import fcntl
import os

from lowrt.checkpoint import messages
from lowrt.errors import Fault, describe
from lowrt.init.execve import Program, look_up
from lowrt.linux import process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from lowrt.log import Log

    Json = dict[str, Any]
    # (script, message, file descriptors that came with it)
    Handler = Callable[[str, Json, list[int]], None]

OLDEST = 30000  # the first that tells its version by RPC

_LARGEST = 10 * 4096
_MOST_FDS = 16
_SOL_SOCKET, _SCM_RIGHTS, _MSG_CMSG_CLOEXEC = 1, 1, 0x40000000
_RPC_FD = 3
FIRST_EXTRA_FD = _RPC_FD + 1


class CriuError(Fault):
    """criu said no, or died."""


class Criu:
    """One criu process; `close` ends it."""

    def __init__(self, log: "Log", pid: int, channel: "_socket.socket") -> None:
        self._log = log
        self._channel = channel
        self.pid = pid
        self.version = 0

    @classmethod
    def start(
        cls,
        log: "Log",
        *,
        stdio: "Sequence[int]" = (),
        extra: "Sequence[int]" = (),
        prepare: "Callable[[], Sequence[int]] | None" = None,
    ) -> "Criu":
        """Start criu on `stdio` (default: none), with `extra` from FIRST_EXTRA_FD on.

        `prepare` runs in its process before; the descriptors that it gives follow those.
        """
        program = Program(["criu", "swrk", str(_RPC_FD)], [f"{name}={value}" for name, value in os.environ.items()])
        try:
            path = look_up(program)
        except Fault as fault:
            raise Fault(f"CRIU version check failed: {fault}") from fault
        kind = _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC
        ours, theirs = _socket.socketpair(_socket.AF_UNIX, kind)
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            _become(program, path, [theirs.fileno(), *extra], stdio, prepare, writing)
        theirs.close()
        os.close(writing)
        failure = _read_all(reading)
        criu = cls(log, pid, ours)
        if failure:
            criu.close()
            raise Fault(failure.decode(errors="replace"))
        return criu

    def fetch(self, number: int) -> int:
        """Our own copy of a descriptor of criu's."""
        pidfd = os.pidfd_open(self.pid)
        try:
            return process.pidfd_getfd(pidfd, number)
        finally:
            os.close(pidfd)

    def ask_version(self) -> int:
        """criu's version as a number; a Fault when it is too old to talk to."""
        try:
            answer = self._exchange(messages.request(messages.VERSION, keep_open=True))
        except CriuError as error:
            raise Fault(f"CRIU version check failed: {error}") from error
        self.version = messages.version_number(answer.get("version") or {})
        self._log.debug(f"Using CRIU {self.version}")
        if self.version < OLDEST:
            raise Fault(f"CRIU version {self.version} must be {OLDEST} or higher")
        return self.version

    def require(self, feature: str, name: str) -> None:
        """A Fault unless criu, on this kernel, has the feature."""
        packet = messages.request(messages.FEATURE_CHECK, keep_open=True, features={feature: True})
        try:
            answer = self._exchange(packet)
        except CriuError as error:
            raise Fault(f"CRIU feature check failed: {error}") from error
        if not (answer.get("features") or {}).get(feature):
            raise Fault(f"criu is missing features: [{name}]")

    def work(self, kind: int, options: "Json", handle: "Handler") -> "Json":
        """Have processes dumped or restored; criu's answer. `handle` gets what it tells us on the way."""
        for name, value in options.items() if self._log.debugging else ():
            self._log.debug(f"CRIU option {name} with value {value}")
        answer = self._exchange(messages.request(kind, opts=options), handle)
        if answer["type"] != kind:
            raise CriuError(f"unable to parse the response of criu: type {_name(answer)}")
        return answer

    def _exchange(self, packet: bytes, handle: "Handler | None" = None) -> "Json":
        while True:
            try:
                self._channel.send(packet)
            except BrokenPipeError:
                raise CriuError("criu died unexpectedly") from None
            answer, fds = self._receive()
            try:
                if not answer["success"]:
                    raise CriuError(_failure(answer))
                if answer["type"] != messages.NOTIFY:
                    return answer
                self._notify(answer.get("notify") or {}, fds, handle)
            finally:
                for fd in fds:
                    os.close(fd)
            packet = messages.request(messages.NOTIFY, notify_success=True)

    def _receive(self) -> "tuple[Json, list[int]]":
        try:
            packet, control, flags, _ = self._channel.recvmsg(
                _LARGEST, _socket.CMSG_SPACE(4 * _MOST_FDS), _MSG_CMSG_CLOEXEC
            )
        except ConnectionResetError:
            packet, control, flags = b"", [], 0
        fds = [
            int.from_bytes(data[place : place + 4], "little")
            for level, kind, data in control
            if (level, kind) == (_SOL_SOCKET, _SCM_RIGHTS)
            for place in range(0, len(data), 4)
        ]
        if not packet:
            raise CriuError("criu died unexpectedly")
        if flags & _socket.MSG_TRUNC:
            raise CriuError("unable to parse the response of criu: it is too long")
        return messages.response(packet), fds

    def _notify(self, notification: "Json", fds: list[int], handle: "Handler | None") -> None:
        script = str(notification.get("script", ""))
        self._log.debug(f"notify: {script}")
        if handle is not None:
            handle(script, notification, fds)

    def close(self) -> int:
        """Hang up, which ends criu whatever it does, and reap it; its exit code."""
        self._channel.close()
        if not self.pid:
            return 0
        pid, self.pid = self.pid, 0
        return process.exit_code(os.waitpid(pid, 0)[1])


def _name(answer: "Json") -> str:
    return messages.TYPE_NAMES.get(answer["type"], str(answer["type"]))


def _failure(answer: "Json") -> str:
    # Not cr_errmsg: it is the log's first line with an error in it, and the first is often one that criu lives with.
    return f"criu failed: type {_name(answer)} errno {answer.get('cr_errno', 0)}"


def _read_all(fd: int) -> bytes:
    text = b""
    while chunk := os.read(fd, 4096):
        text += chunk
    os.close(fd)
    return text


def _become(
    program: Program,
    path: bytes,
    inherited: list[int],
    stdio: "Sequence[int]",
    prepare: "Callable[[], Sequence[int]] | None",
    errors: int,
) -> None:
    """In the child: execute criu, or say through `errors` why not."""
    try:
        if prepare is not None:
            inherited += prepare()
        errors = _place(_stdio(stdio), inherited, errors)
        process.reset_signals()
        os.execve(path, program.arguments, program.environment)  # noqa: S606 a shell is what is not wanted
    except Exception as error:  # nothing of ours may go on in the child
        os.write(errors, describe(error).encode(errors="backslashreplace"))
    finally:
        os._exit(127)


def _stdio(wanted: "Sequence[int]") -> list[int]:
    if wanted:
        return list(wanted)
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    return [null, null, null]


def _place(stdio: "Sequence[int]", inherited: "Sequence[int]", errors: int) -> int:
    """Put the descriptors where criu looks for them, and close all others; the new number of `errors`."""
    # Moved out of the way first: what is somebody's target may be another's source.
    first_free = FIRST_EXTRA_FD + len(inherited)
    sources = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, first_free) for fd in (*stdio, *inherited)]
    kept = fcntl.fcntl(errors, fcntl.F_DUPFD_CLOEXEC, first_free)
    for target, source in enumerate(sources):
        os.dup2(source, target)
    process.close_all_but([kept], len(sources))
    return kept
