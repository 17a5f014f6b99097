"""A container's process in the foreground: its terminal or pipes, signals passed on, its exit code ours.

The process never gets our own terminal: it could push characters into it. It has a pty or pipes, and this loop between.
"""

import os
import select

from lowrt.errors import Fault, naming
from lowrt.init import sync
from lowrt.linux import process, tty
from lowrt.linux.constants import SIGCHLD, SIGURG, SIGWINCH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lowrt.init.parent import Forked

    Watch = tuple[int, Callable[[], bool]]  # an fd, and what to do when it is readable, until that says True

_CHUNK = 64 * 1024


class Pipes:
    """Pipes in place of our stdio while the process is forked; afterwards our ends of them."""

    def __init__(self) -> None:
        self._ours: list[int] = []
        self._saved: list[int] = []

    def offer(self) -> None:
        """Put pipes where our stdio is, for the fork to inherit."""
        for fd in (0, 1, 2):
            reading, writing = os.pipe()
            theirs, ours = (reading, writing) if fd == 0 else (writing, reading)
            self._saved.append(process.dup_cloexec(fd))
            self._ours.append(ours)
            os.dup2(theirs, fd)
            os.close(theirs)

    def take_back(self) -> None:
        """Have our stdio again; what is said from now on, errors too, goes where it always went."""
        for fd, saved in enumerate(self._saved):
            os.dup2(saved, fd)
            os.close(saved)
        self._saved.clear()

    def pairs(self) -> list[tuple[int, int]]:
        """(where to read, where to write)."""
        return [(0, self._ours[0]), (self._ours[1], 1), (self._ours[2], 2)]


class Terminal:
    """Our terminal, raw while the container's is attached to it."""

    def __init__(self) -> None:
        self._fd = _own_terminal()
        self._former: list[object] | None = None
        self.near, self.far = -1, -1
        self.master = -1

    def offer(self) -> int:
        """The socket end through which the container's side will send the master."""
        import _socket

        near, far = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
        self.near, self.far = near.detach(), far.detach()
        return self.far

    def receive(self) -> None:
        """Take the master and make our terminal raw."""
        os.close(self.far)
        self.master = sync.receive_fd(self.near)
        os.close(self.near)
        if self.master < 0:
            raise Fault("the container did not send its terminal")
        tty.stop_newline_translation(self.master)
        self._former = tty.make_raw(self._fd)
        self.resize()

    def resize(self) -> None:
        """Pass our size on."""
        try:
            tty.copy_size(self._fd, self.master)
        except OSError:
            return  # the terminal went away, SIGHUP is about to tell us

    def restore(self) -> None:
        if self._former is not None:
            tty.restore(self._fd, self._former)


def _own_terminal() -> int:
    for fd in (2, 1, 0):
        if os.isatty(fd):
            return fd
    try:
        return os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        raise naming("open", error) from error


def run(make: "Callable[[int], Forked]", *, terminal: bool, started: "Callable[[Forked], Watch | None]") -> int:
    """Make a process, do what is to be done once it is there, and stay until it ends; its exit code.

    `make` gets the socket that the terminal's master is to be sent to, or -1.
    """
    signals = process.signalfd()  # a signal that comes while the process is made is passed on afterwards
    if terminal:
        return _run_on_terminal(make, started, signals)
    pipes = Pipes()
    pipes.offer()
    try:
        forked = make(-1)
    finally:
        pipes.take_back()
    loop = Loop(forked, pipes.pairs(), signals)
    loop.watch(started(forked))
    return loop.run()


def _run_on_terminal(make: "Callable[[int], Forked]", started: "Callable[[Forked], Watch | None]", signals: int) -> int:
    terminal = Terminal()
    forked = make(terminal.offer())
    try:
        terminal.receive()
        watch = started(forked)
        loop = Loop(forked, [(0, terminal.master), (terminal.master, 1)], signals, terminal)
        loop.watch(watch)
        return loop.run()
    finally:
        terminal.restore()


class Loop:
    """Copies, passes signals on, and ends with the process."""

    def __init__(
        self, forked: "Forked", pairs: list[tuple[int, int]], signals: int, terminal: Terminal | None = None
    ) -> None:
        self._forked = forked
        self._terminal = terminal
        self._targets = dict(pairs)
        self._signals = signals
        self._watch: Watch | None = None
        self._poller = select.poll()
        for fd in (self._signals, forked.pidfd, *self._targets):
            self._poller.register(fd, select.POLLIN)

    def watch(self, watch: "Watch | None") -> None:
        """See to one fd more."""
        self._watch = watch
        if watch is not None:
            self._poller.register(watch[0], select.POLLIN)

    def run(self) -> int:
        """Until the process has ended and its output is copied; its exit code."""
        while True:
            for fd, _ in self._poller.poll():
                if fd == self._signals:
                    self._pass_signal()
                elif fd == self._forked.pidfd:
                    status = os.waitpid(self._forked.pid, 0)[1]
                    self._drain()
                    return process.exit_code(status)
                elif fd in self._targets:
                    self._copy(fd)
                elif self._watch is not None and fd == self._watch[0] and self._watch[1]():
                    self._poller.unregister(fd)

    def _pass_signal(self) -> None:
        number = process.read_signal(self._signals)
        if number == SIGWINCH and self._terminal is not None:
            self._terminal.resize()
        elif number not in (SIGCHLD, SIGURG, SIGWINCH):
            process.pidfd_send_signal(self._forked.pidfd, number)

    def _copy(self, source: int) -> bool:
        """Copy what is there; False when there is nothing now, or nothing any more."""
        try:
            chunk = os.read(source, _CHUNK)
        except BlockingIOError:
            return False
        except OSError:  # EIO: nobody has the other end of the terminal open
            chunk = b""
        if not chunk or not _write_all(self._targets[source], chunk):
            self._end(source)
            return False
        return True

    def _end(self, source: int) -> None:
        self._poller.unregister(source)
        target = self._targets.pop(source)
        if source == 0 and self._terminal is None:
            os.close(target)  # the end of our stdin is the end of its stdin

    def _drain(self) -> None:
        """Copy what it wrote before it ended, no more: a child that it left may hold the pipes open for ever."""
        for source in [source for source in self._targets if source != 0]:
            os.set_blocking(source, False)
            while self._copy(source):
                continue


def _write_all(target: int, chunk: bytes) -> bool:
    try:
        while chunk:
            chunk = chunk[os.write(target, chunk) :]
    except OSError:  # EPIPE, or EIO of a terminal that hung up: nobody reads any more
        return False
    return True
