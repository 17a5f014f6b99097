"""The warm parent: one small process with everything imported, which forks a ready shim on request.

    supervisor ──{"id","args","cwd","env","stdin"}──▶ fd 3, one packet each   (AF_UNIX, SOCK_SEQPACKET)
               ◀──{"id","code","stdout","stderr"}───  exactly what running the program would give

It has one thread and no event loop, so that a fork of it is a clean start. A forked shim runs lowrt by forking itself
once more (`ForkLauncher`): same argv, files, exit status and parent as with the executable. This is the one place where
two layers are imported together.

The end of fd 3 is the end of the zygote; its shims live on. Its own file is a read-only view of the interpreter's
before anything else happens, and so is its children's: what a container may find behind /proc/PID/exe cannot be
overwritten (CVE-2019-5736).
"""

import base64
import contextlib
import gc
import importlib
import io
import json
import os
import pkgutil
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import lowrt
from proto.errdefs import Unavailable
from proto.failpoints import reached
from shim import cli, linux, probes, serve, start
from shim.args import Arguments, UsageError, parse
from shim.cgroups import mounted
from shim.runtime import SpawnLauncher, Streams, Wanted
from shim.runtime_argv import RuntimeSettings
from shim.runtime_errors import RuntimeFailure
from shim.spawn import DEFAULT_RUNTIME

if TYPE_CHECKING:
    from lowrt.resident import Exec, Execs

NAME = "containerd-shim-wherry-v2"
_CONTROL_FD = 3
_PACKET = 1 << 20
_SEALED = "WHERRY_ZYGOTE_SEALED"
_TITLE_ROOM = " " * 512  # a shim writes its own flags over the zygote's, for ps
answering: dict[int, int] = {}  # forks that answer for themselves, and which request
_OUR_SIGNALS = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGPIPE)


def main() -> int:
    """Serve fd 3 until it ends."""
    seal()
    preload()
    control = socket.socket(fileno=_CONTROL_FD)
    control.set_inheritable(False)
    linux.close_range(_CONTROL_FD + 1)  # whatever the supervisor's own parent let slip
    signal.signal(signal.SIGCHLD, lambda _number, _frame: reap(control))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal, meant for whoever started the supervisor
    gc.collect()
    gc.freeze()
    serve_requests(control)
    return 0


def serve_requests(control: socket.socket) -> None:
    """Answer until the supervisor has gone, also in the middle of a request."""
    while True:
        try:
            packet = control.recv(_PACKET)
            if not packet:
                return
            handle(packet, control)
        except ConnectionError:  # it died with an answer unread, or before ours could be written
            return
        except Exception as error:  # one bad request must not cost the warm parent of all others
            sys.stderr.write(f"{NAME}: zygote: {cli.describe(error)}\n")


def seal() -> None:
    """Come back as a process whose file is on a read-only mount of nothing but itself; once, where the rights allow."""
    if os.environ.pop(_SEALED, ""):
        return
    try:
        fd = linux.open_tree("/proc/self/exe", linux.OPEN_TREE_CLONE)
        linux.mount_setattr(fd, linux.MOUNT_ATTR_RDONLY)
    except OSError:
        return  # lowrt then protects itself, at the price of a cold start
    folder = os.path.dirname(os.path.abspath(__file__))
    words = [sys.executable, "-IS", folder, "zygote", _TITLE_ROOM]
    os.execve(fd, words, {**os.environ, _SEALED: "1"})  # noqa: S606 - the same program again


def preload() -> None:
    """Import what shims and runtimes will need: nothing is left to be loaded after a fork."""
    for module in pkgutil.walk_packages(lowrt.__path__, "lowrt."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    importlib.import_module("shim.stats_v2" if mounted().is_v2 else "shim.stats_v1")
    importlib.import_module("shim.delete")
    serve.warm_up()


def handle(packet: bytes, control: socket.socket) -> None:
    """Answer one request: `start` by a fork that becomes the server, all else by a fork that does it and answers."""
    request = json.loads(packet)
    number, words, cwd = request["id"], request["args"], request["cwd"]
    given = base64.b64decode(request.get("stdin", ""))
    try:
        arguments = parse(words)
    except UsageError as error:
        _answer(control, number, 2, b"", f"{error}\n".encode())
        return
    if arguments.action == "start" and arguments.namespace:
        code, output, errors = _start(arguments, cwd, request["env"], given)
        _answer(control, number, code, output, errors)
    else:
        _fork_to_answer(arguments, request, given, control)


class ForkLauncher:
    """Runs lowrt in a fork of the shim itself, and any other runtime as SpawnLauncher does."""

    def __init__(self) -> None:
        self._spawner = SpawnLauncher()
        self._in_threads: set[object] = set()  # calls of lowrt under way
        self._execs: Execs | None = None

    def launch(self, argv: Sequence[str], streams: Streams) -> int:
        """The pid of the runtime."""
        # A fork would have this one thread of several, and the locks that the others hold for ever.
        if os.path.basename(argv[0]) != DEFAULT_RUNTIME or self._in_threads:
            return self._spawner.launch(argv, streams)
        pid = os.fork()
        if pid == 0:
            _become_runtime(list(argv), streams)
        return pid

    def enter(self, settings: RuntimeSettings, container_id: str, wanted: Wanted) -> "LowrtExec | None":
        """lowrt's exec in this very process, while it has one thread."""
        if os.path.basename(settings.binary) != DEFAULT_RUNTIME or self._in_threads:
            return None
        from lowrt.resident import Execs

        with _failures():
            self._execs = self._execs or Execs()
            streams, console = wanted.streams or (), wanted.console or ""
            begun = self._execs.begin(settings.root, container_id, wanted.document, streams, console)
        return LowrtExec(begun) if begun is not None else None

    def probes(self, settings: RuntimeSettings, container_id: str, init_pid: int, connection: int) -> int:
        """A fork of the shim, from which checks are forked."""
        from lowrt.resident import Execs

        if os.path.basename(settings.binary) != DEFAULT_RUNTIME:
            return 0
        self._execs = self._execs or Execs()
        if not self._execs.able:
            return 0
        if self._in_threads:
            raise Unavailable("another call is under way")
        pid = os.fork()
        if pid == 0:
            self._execs.sharing = True
            _run_probes(connection, init_pid, lambda text, fds: self._enter(settings, container_id, text, fds))
        return pid

    def _enter(self, settings: RuntimeSettings, container_id: str, document: bytes, streams: Streams) -> "LowrtExec":
        entering = self.enter(settings, container_id, Wanted(document, streams, None))
        if entering is None:
            raise RuntimeFailure(255, "", "exec failed: a check cannot have CPUs of its own to begin on")
        return entering

    def brief(self, argv: Sequence[str]) -> Callable[[], int] | None:
        """The verbs of lowrt's that fork nothing: hooks would be, and the reaper would take their exits."""
        if os.path.basename(argv[0]) != DEFAULT_RUNTIME:
            return None
        from lowrt import brief

        words = list(argv[1:])
        if not brief.is_brief(words):
            return None

        def call() -> int:
            self._in_threads.add(call)
            try:
                return brief.main(words, argv[0])
            finally:
                self._in_threads.discard(call)

        return call


class LowrtExec:
    """lowrt's `resident.Exec`, with its faults as the shim knows them."""

    def __init__(self, begun: "Exec") -> None:
        self._begun = begun

    @property
    def pid(self) -> int:
        """Ours to reap."""
        return self._begun.pid

    @property
    def pidfd(self) -> int:
        """Readable when it has ended."""
        return self._begun.pidfd

    def release(self) -> None:
        """Say the first word."""
        with _failures():
            self._begun.release()

    def fileno(self) -> int:
        """Readable when `advance` has something to do."""
        return self._begun.fileno()

    def advance(self) -> bool:
        """Do it; whether the process is on its own now."""
        with _failures():
            return self._begun.advance()

    def close(self) -> None:
        """Let go of it."""
        self._begun.close()


@contextlib.contextmanager
def _failures() -> Iterator[None]:
    from lowrt.resident import Refused

    try:
        yield
    except Refused as refused:
        raise RuntimeFailure(255, "", str(refused), refused.code) from refused


def _start(arguments: Arguments, cwd: str, environment: dict[str, str], given: bytes) -> tuple[int, bytes, bytes]:
    """`start` as the cold program does it, but for the fork from here."""
    try:
        reached("zygote.start.asked")
        prepared = start.prepare(arguments, cwd, given)
        reached("zygote.start.prepared")
        if prepared.listener is not None:
            pid = os.fork()
            if pid == 0:
                os.environ.update(environment)
                start.become_server(arguments, prepared.listener.fileno(), cwd, ForkLauncher())
            reached("zygote.start.forked")
            prepared.listener.close()
            start.place(pid, prepared)
    except (OSError, start.StartError) as error:
        return 1, b"", f"{NAME}: {cli.describe(error)}\n".encode()
    return 0, prepared.output, b""


def _fork_to_answer(arguments: Arguments, request: dict[str, object], given: bytes, control: socket.socket) -> None:
    reached("zygote.delete.asked")
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})  # its end must find its request noted
    pid = os.fork()
    if pid != 0:
        number = request["id"]
        assert isinstance(number, int)
        answering[pid] = number
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
    if pid == 0:
        _run_and_answer(arguments, request, given, control)
    reached("zygote.delete.forked")


def _run_and_answer(arguments: Arguments, request: dict[str, object], given: bytes, control: socket.socket) -> None:
    """In the child: the program's work with its outputs in memory, then the answer."""
    status = 1
    try:
        environment = request["env"]
        assert isinstance(environment, dict)
        _reset_signals()
        os.environ.update(environment)
        os.chdir(str(request["cwd"]))
        files = [os.memfd_create(name) for name in ("stdin", "stdout", "stderr")]
        os.write(files[0], given)
        os.lseek(files[0], 0, os.SEEK_SET)
        for target, fd in enumerate(files):
            os.dup2(fd, target)
        sys.stdout, sys.stderr = _text(1), _text(2)
        status = cli.run(NAME, arguments)
        sys.stdout.flush()
        sys.stderr.flush()
        output, errors = (os.pread(fd, os.fstat(fd).st_size, 0) for fd in files[1:])
        number = request["id"]
        assert isinstance(number, int)
        _answer(control, number, status, output, errors)
    finally:
        os._exit(status)


def _run_probes(connection: int, init_pid: int, enter: probes.Enter) -> None:
    """In the child of a shim: run health checks, and nothing else; never returns."""
    status = 1
    try:
        _reset_signals()
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # an engine that has gone is an error to be met
        linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
        os.dup2(connection, _CONTROL_FD)
        linux.close_range(_CONTROL_FD + 1)
        with open("/proc/self/cmdline", "rb") as file:
            linux.set_command_line([*file.read().decode().rstrip("\0").split("\0"), "probes"])
        gc.collect()
        gc.freeze()
        with socket.socket(fileno=_CONTROL_FD) as engine:
            engine.setblocking(True)
            probes.serve(engine, init_pid, enter)
        status = 0
    except Exception as error:
        sys.stderr.write(f"{NAME}: probes: {cli.describe(error)}\n")
        sys.stderr.flush()
    finally:
        os._exit(status)


def _become_runtime(argv: list[str], streams: Streams) -> None:
    """In the child of a shim: be the runtime. Nothing of the shim may be left but memory; never returns."""
    status = 1
    try:
        _reset_signals()
        safe = [os.dup(fd) for fd in streams]
        for target, fd in enumerate(safe):
            os.dup2(fd, target)
        linux.close_range(3)
        linux.set_process_name(DEFAULT_RUNTIME)
        from lowrt.cli import main as lowrt_main

        status = lowrt_main(argv[1:], argv[0])
    except SystemExit as leaving:
        status = leaving.code if isinstance(leaving.code, int) else 1
    except BaseException as error:  # a defect of lowrt's: its stderr is all that is left to tell it
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
    finally:
        os._exit(status)


def _reset_signals() -> None:
    """As a fresh process has them; a server needs none of this, its event loop sets them all."""
    signal.set_wakeup_fd(-1)
    for number in _OUR_SIGNALS:
        signal.signal(number, signal.SIG_DFL)


def reap(control: socket.socket) -> None:
    """Shims end as our children as long as we live; for a fork that was killed before its answer, its signal is one."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        number = answering.pop(pid, None)
        if number is not None and os.WIFSIGNALED(status):
            with contextlib.suppress(ConnectionError):
                _answer(control, number, os.waitstatus_to_exitcode(status), b"", b"")


def _answer(control: socket.socket, number: int, code: int, output: bytes, errors: bytes) -> None:
    answer = {
        "id": number,
        "code": code,
        "stdout": output.decode("utf-8", "surrogateescape"),
        "stderr": errors.decode("utf-8", "surrogateescape"),
    }
    control.send(json.dumps(answer).encode())


def _text(fd: int) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.FileIO(fd, "w", closefd=False), write_through=True)
