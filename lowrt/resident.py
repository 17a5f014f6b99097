"""exec by a process that lives on: the container's process is forked from the caller, with no lowrt between the two.

    begin  ──▶ the process is there, in the cgroup, and waits
    advance  whenever `fileno` is readable, until it says True: the program runs; raises Fault when it never will
    close    in any case

Never waits for the container: what it says comes over a socket, which the caller's loop watches. The caller has one
thread at the time of `begin`, is a file that containers cannot write to (`lowrt.seal`), and reaps: the process is its
child. Nothing of the caller changes, but that it cannot be traced any more by its own user. A container's configuration
is read once, and again when it is another file.
"""

import os

from lowrt.cgroup.driver import driver_from_state
from lowrt.container import state_file
from lowrt.container.container import Container
from lowrt.container.execute import Request, begin, check_status, load_filter_of
from lowrt.errors import Fault, describe
from lowrt.ids import check_id
from lowrt.init import parent, sync
from lowrt.jsontext import JSONTextError
from lowrt.linux import process
from lowrt.linux.constants import SIGKILL
from lowrt.log import Log
from lowrt.paths import StateDir, in_user_namespace
from lowrt.seal import is_sealed
from lowrt.spec.load import parse_process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lowrt.container.execute import Entering
    from lowrt.seccomp.compile import CompiledFilter

    Key = tuple[int, int, int]

PREFIX = "exec failed: "


class Refused(Fault):
    """The exec failed; the sentence and the code are those of the command line's log."""

    def __init__(self, error: Exception) -> None:
        super().__init__(f"{PREFIX}{describe(error)}")
        self.code = getattr(error, "code", "")


class Known:
    """A container as it was read, and from which file."""

    __slots__ = ("filter", "key", "spec", "state")

    def __init__(self, key: "Key", container: Container, filter_: "CompiledFilter | None") -> None:
        self.key = key
        self.state = container.state
        self.spec = container.spec
        self.filter = filter_


class Execs:
    """The execs of one caller."""

    def __init__(self) -> None:
        self._known: dict[str, Known] = {}
        # Without privilege a namespace's rights come by way of a second process, which would have to be waited for.
        self.able = is_sealed() and os.geteuid() == 0 and not in_user_namespace()

    def begin(
        self, root: str, container_id: str, document: bytes, streams: tuple[int, ...], console: str
    ) -> "Exec | None":
        """An exec under way; None where it takes a process of its own. Raises Refused.

        `streams` become 0, 1 and 2; of a process with a terminal, `console` gets the master instead.
        """
        if not self.able:
            return None
        try:
            wanted = parse_process(document)
            state_dir = StateDir(root, check_id(container_id))
            known = self._find(state_dir)
            if (wanted.get("execCPUAffinity") or known.spec.process.get("execCPUAffinity") or {}).get("initial"):
                return None  # it would be ours for a moment
            container = Container(state_dir, known.state)
            container.adopt(driver_from_state(known.state["cgroup"]), known.spec)
            check_status(container, ignore_paused=False)
            return Exec(_fork(Request(container, wanted), known.filter, streams, console))
        except (Fault, OSError, JSONTextError) as error:
            raise Refused(error) from error

    def _find(self, state_dir: StateDir) -> Known:
        key = _key(state_dir.state)
        known = self._known.get(state_dir.path)
        if known is not None and known.key == key:
            return known
        self._known = {path: kept for path, kept in self._known.items() if os.path.exists(path)}
        container = Container(state_dir, state_file.load(state_dir))
        known = Known(key, container, load_filter_of(container))
        if known.spec.seccomp:
            known.spec.seccomp.pop("syscalls", None)  # hundreds of words, and all of them in the filter
        self._known[state_dir.path] = known
        return known


def _key(path: str) -> "Key":
    """Which state.json it is: each is a file of its own, renamed into place."""
    try:
        status = os.stat(path)
    except OSError:  # whoever loads it says so
        return (0, 0, 0)
    return (status.st_ino, status.st_mtime_ns, status.st_size)


def _fork(request: Request, filter_: "CompiledFilter | None", streams: tuple[int, ...], console: str) -> "Entering":
    opened: list[int] = []
    try:
        if request.process.get("terminal"):
            opened.append(sync.connect(console))
            opened.append(os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC))
            request.console_fd, null = opened
            streams = (null, null, null)  # until it has the terminal
        request.stdio = streams
        return begin(Silent(), request, filter_)
    finally:
        for fd in opened:
            os.close(fd)


class Silent(Log):
    """Warnings would go to a log that nobody reads: the shim takes it away when the exec has begun."""

    def write(self, level: str, message: str, code: str = "") -> None:
        """Nothing."""


class Exec:
    """One process that is not on its own yet."""

    __slots__ = ("_dance", "_forked", "pid")

    def __init__(self, entering: "Entering") -> None:
        self._dance, self._forked = entering.dance, entering.forked
        self.pid = self._forked.pid

    def release(self) -> None:
        """Let it go on: the caller is ready for its exit."""
        self._guarded(self._dance.release)

    @property
    def pidfd(self) -> int:
        """Readable when the process has ended; ours to close."""
        return self._forked.pidfd

    def fileno(self) -> int:
        """Readable when `advance` has something to do."""
        return self._dance.fileno()

    def advance(self) -> bool:
        """Do what the process waits for; whether that was all."""
        done = False

        def step() -> None:
            nonlocal done
            done = self._dance.advance(self._forked)

        self._guarded(step)
        return done

    def close(self) -> None:
        """Let go of it."""
        self._dance.close()
        self._forked.close()

    def _guarded(self, step: "Callable[[], object]") -> None:
        try:
            step()
        except Exception as error:
            # Whoever reaps may have reaped it already: it is signalled, and not waited for.
            try:
                process.pidfd_send_signal(self._forked.pidfd, SIGKILL)
            except ProcessLookupError:
                pass
            raise Refused(parent.explain(error, 0)) from error
