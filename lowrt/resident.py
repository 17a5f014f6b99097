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
from lowrt.container.execute import Request, begin, check_status, load_filter_of, prepare, target_flags
from lowrt.errors import Fault, container_not_running, describe
from lowrt.ids import check_id
from lowrt.init import parent, row, straight, sync
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
    from typing import Any

    from lowrt.seccomp.compile import CompiledFilter

    Json = dict[str, Any]
    Begun = tuple[parent.Dance | straight.Straight, parent.Forked]
    Key = tuple[int, int, int]

PREFIX = "exec failed: "


class Refused(Fault):
    """The exec failed; the sentence and the code are those of the command line's log."""

    def __init__(self, error: Exception) -> None:
        super().__init__(f"{PREFIX}{describe(error)}")
        self.code = getattr(error, "code", "")


class Known:
    """A container as it was read, and from which file."""

    __slots__ = ("filter", "key", "planned", "spec", "state")

    def __init__(self, key: "Key", container: Container, filter_: "CompiledFilter | None") -> None:
        self.key = key
        self.state = container.state
        self.spec = container.spec
        self.filter = filter_
        self.planned: tuple[bytes, straight.Plan | None] = (b"", None)  # the last document's


class Execs:
    """The execs of one caller."""

    def __init__(self) -> None:
        self._known: dict[str, Known] = {}
        self.sharing = False  # whether a process may begin in our memory, as this caller does nothing else
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
            state_dir = StateDir(root, check_id(container_id))
            known = self._find(state_dir)
            container = Container(state_dir, known.state)
            container.adopt(driver_from_state(known.state["cgroup"]), known.spec)
            same = known.planned[0] == document
            wanted = {} if same else parse_process(document)
            if (wanted.get("execCPUAffinity") or known.spec.process.get("execCPUAffinity") or {}).get("initial"):
                return None  # it would be ours for a moment
            check_status(container, ignore_paused=False)
            if not same:
                known.planned = (document, _plan(container, wanted, known.filter, sharing=self.sharing))

            def ordinary() -> "Begun":
                known.planned = (b"", None)
                return _fork(Request(container, parse_process(document)), known.filter, streams, console)

            plan = known.planned[1]
            return Exec(_fork_straight(plan, container, streams), ordinary) if plan else Exec(ordinary())
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


def _plan(
    container: Container, wanted: "Json", filter_: "CompiledFilter | None", *, sharing: bool
) -> straight.Plan | None:
    job = prepare(container, wanted)
    job.filter = filter_
    found = straight.plan(job, container.cgroup)
    if found is not None and sharing:
        found.table = row.table(found)
    return found


def _fork_straight(plan: straight.Plan, container: Container, streams: tuple[int, ...]) -> "Begun":
    opened: list[int] = []
    try:
        opened.append(container.open_init())
        opened.append(os.open("/proc", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC))
        container.cgroup.follow(container.pid)
        target = (opened[0], target_flags(container))
        return straight.fork(plan, container.cgroup, target, opened[1], streams)
    except ProcessLookupError:
        raise container_not_running() from None
    finally:
        for fd in opened:
            os.close(fd)


def _fork(request: Request, filter_: "CompiledFilter | None", streams: tuple[int, ...], console: str) -> "Begun":
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
    """One process that is not on its own yet. `advance` may change its pid and its fds, until it says True."""

    __slots__ = ("_dance", "_forked", "_ordinary", "pid")

    def __init__(self, begun: "Begun", ordinary: "Callable[[], Begun] | None" = None) -> None:
        self._dance, self._forked = begun
        self._ordinary = ordinary  # makes another one, should this one have gone astray
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
            try:
                done = self._dance.advance(self._forked)
            except straight.Astray:
                self._begin_anew()

        self._guarded(step)
        return done

    def _begin_anew(self) -> None:
        """Another process, fds and pid; the first one has ended."""
        assert self._ordinary is not None
        try:
            begun = self._ordinary()
        except (Fault, OSError, JSONTextError) as error:
            raise Refused(error) from error
        self.close()
        self._dance, self._forked = begun
        self.pid = self._forked.pid
        self._dance.release()

    def close(self) -> None:
        """Let go of it."""
        self._dance.close()
        self._forked.close()

    def _guarded(self, step: "Callable[[], object]") -> None:
        try:
            step()
        except Refused:
            raise
        except Exception as error:
            # Whoever reaps may have reaped it already: it is signalled, and not waited for.
            try:
                process.pidfd_send_signal(self._forked.pidfd, SIGKILL)
            except ProcessLookupError:
                pass
            raise Refused(parent.explain(error, 0)) from error
