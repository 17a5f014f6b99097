"""One process's life, the first one's or an exec's: its state, its streams, and its exit, told to all who wait."""

import asyncio
import os
from collections.abc import Awaitable, Callable

from proto.errdefs import FailedPrecondition, Fault, NotFound
from shim import runtime_argv, runtime_errors, states
from shim.console import ConsoleSocket
from shim.options import RuntimeOptions
from shim.paths import Bundle, read_pid, write_atomically
from shim.reaper import Exit
from shim.runtime import Runtime, Streams, Wanted
from shim.runtime_errors import RuntimeFailure
from shim.states import State
from shim.stdio import ProcessIO, StdioHost, StdioSpec

_INIT_DRAIN_SECONDS = 10.0
_EXEC_DRAIN_SECONDS = 2.0  # a program left in the background may keep an exec's pipes open for ever
_LAST_EXIT_SECONDS = 2.0

# Runs the runtime's verb with a console socket's path or with streams; the pid, 0 when it is in the pid file.
Verb = Callable[[str | None, Streams | None], Awaitable[int]]


class Process:
    """What both kinds share; `id` is the container's for the first process."""

    def __init__(self, process_id: str, stdio: StdioSpec, host: StdioHost, table: states.Table) -> None:
        self.id = process_id
        self.stdio = stdio
        self.state = State.CREATED
        self.pid = 0
        self.exit: Exit | None = None
        # While Create or Start has not announced it, an exit waits here: nobody hears of an end before the beginning.
        self.announcing = False
        self.held_exit: Exit | None = None
        self._host = host
        self._io: ProcessIO | None = None
        self._streams: Streams | None = None  # opened before the process is made
        self._table = table
        self._ended: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()

    def allows(self, verb: str) -> None:
        """Raise the Fault of a verb that the present state refuses."""
        states.after(self._table, self.state, verb)

    def enter(self, verb: str) -> None:
        """The verb is done: take its state, unless the process ended meanwhile."""
        if self.exit is None or verb in ("exit", "delete"):
            self.state = states.after(self._table, self.state, verb)

    def ended(self, exit_: Exit) -> None:
        """The process is gone: keep how, free whoever waits."""
        if self.exit is not None:
            return
        self.exit = exit_
        self.enter("exit")
        if self._io is not None:
            self._io.process_exited()
        self._ended.set_result(exit_)

    async def wait(self) -> Exit:
        """How the process ended, once it has."""
        return await asyncio.shield(self._ended)

    def close_stdin(self) -> None:
        """No more input will come."""
        if self._io is not None:
            self._io.close_stdin()

    def resize(self, width: int, height: int) -> None:
        """The pty's size; without a pty nothing happens."""
        if self._io is not None:
            self._io.resize(width, height)

    def start_input(self) -> None:
        """Let input in."""
        if self._io is not None:
            self._io.start_input()

    async def _launch(self, verb: Verb, pid_file: str) -> None:
        """Run the verb that makes the process, with its streams; learn its pid. After a failure nothing stays open."""
        io, self._io = self._io or ProcessIO(self.stdio, self._host), None
        try:
            if self.stdio.terminal:
                pid = await _with_console(io, verb)
            else:
                pid = await verb(None, self._streams or await io.open())
            io.start()
            self.pid = pid or read_pid(pid_file)
            if not self.pid:
                raise Fault(f"failed to retrieve OCI runtime container pid: {pid_file} holds none")
        except BaseException:
            await io.close()
            raise
        self._io = io

    async def _close_io(self, seconds: float) -> None:
        io, self._io = self._io, None
        if io is not None:
            await io.drain(seconds)
            await io.close()


class InitProcess(Process):
    """The container's first process."""

    def __init__(self, stdio: StdioSpec, host: StdioHost, bundle: Bundle, options: RuntimeOptions) -> None:
        super().__init__(host.process_id, stdio, host, states.INIT)
        self._bundle = bundle
        self._options = options

    async def create(self, runtime: Runtime) -> None:
        """`create`; the process waits for `start`. After a failure the runtime keeps nothing of it."""
        made = False

        async def verb(console: str | None, streams: Streams | None) -> int:
            nonlocal made
            words = runtime_argv.create(
                self.id,
                self._bundle.path,
                self._bundle.init_pid,
                console_socket=console,
                no_pivot=self._options.no_pivot_root,
                no_new_keyring=self._options.no_new_keyring,
            )
            await runtime.create(words, streams)
            made = True
            return 0

        try:
            await self._launch(verb, self._bundle.init_pid)
        except RuntimeFailure as error:
            raise runtime_errors.start_fault(error, "OCI runtime create failed") from error
        except BaseException as error:
            if made:
                await _delete_after(error, runtime, self.id)
            raise

    async def prepare(self) -> None:
        """Before `restore`: streams are there from Create on, as clients expect; a terminal comes with the process."""
        io = ProcessIO(self.stdio, self._host)
        if not self.stdio.terminal:
            try:
                self._streams = await io.open()
            except BaseException:
                await io.close()
                raise
        self._io = io

    async def restore(self, runtime: Runtime, image: str, parent: str) -> None:
        """The process out of a checkpoint, running at once."""

        async def verb(console: str | None, streams: Streams | None) -> int:
            words = runtime_argv.restore(
                self.id,
                self._bundle.path,
                self._bundle.init_pid,
                image=image,
                work=self._options.criu_work_path or self._bundle.work,
                parent=parent,
                no_pivot=self._options.no_pivot_root,
                console_socket=console,
            )
            await runtime.create(words, streams)
            return 0

        try:
            await self._launch(verb, self._bundle.init_pid)
        except RuntimeFailure as error:
            raise runtime_errors.start_fault(error, "OCI runtime restore failed") from error

    async def delete(self, runtime: Runtime) -> Fault | None:
        """Take it out of the runtime and let its streams go; what failed, for the caller to raise at the end."""
        if self.exit is not None:
            await self._drain(_INIT_DRAIN_SECONDS)
        failed: Fault | None = None
        try:
            await runtime.delete(self.id)
        except RuntimeFailure as error:
            if not runtime_errors.is_gone(error):
                failed = runtime_errors.fault(error, "failed to delete task")
        if self.exit is None and self.pid and failed is None:  # it was only created: delete has killed it
            async with asyncio.timeout(_LAST_EXIT_SECONDS):
                await self.wait()
        await self._close_io(_LAST_EXIT_SECONDS)
        return failed

    async def _drain(self, seconds: float) -> None:
        if self._io is not None:
            await self._io.drain(seconds)


class ExecProcess(Process):
    """One more process in a container: known since Exec, there since Start."""

    def __init__(self, exec_id: str, document: bytes, stdio: StdioSpec, host: StdioHost, bundle: Bundle) -> None:
        super().__init__(exec_id, stdio, host, states.EXEC)
        self.lock = asyncio.Lock()
        self._document = document
        self._bundle = bundle

    async def start(self, runtime: Runtime, container_id: str) -> None:
        """`exec`; raises Fault, and then the process has ended without ever being."""
        spec, pid_file, log = (
            name(self.id) for name in (self._bundle.exec_spec, self._bundle.exec_pid, self._bundle.exec_log)
        )

        async def verb(console: str | None, streams: Streams | None) -> int:
            pid = await runtime.enter(container_id, Wanted(self._document, streams, console))
            if not pid:
                write_atomically(spec, self._document, 0o600)
                words = runtime_argv.exec_(container_id, spec, pid_file, console_socket=console)
                await runtime.exec(words, streams, log)
            return pid

        try:
            await self._launch(verb, pid_file)
            self.start_input()
        except RuntimeFailure as error:
            raise runtime_errors.start_fault(error, "OCI runtime exec failed") from error
        finally:
            _remove(spec)
            _remove(log)

    def kill(self, signal: int) -> None:
        """Send a signal; raises Fault when there is nobody to get it."""
        if not self.pid:
            raise FailedPrecondition("process not created")
        if self.exit is not None:
            raise NotFound("process already finished")
        try:
            os.kill(self.pid, signal)
        except ProcessLookupError as error:
            raise NotFound("exec kill error: process already finished") from error

    async def delete(self) -> None:
        """Let its streams and files go."""
        await self._close_io(_EXEC_DRAIN_SECONDS)
        _remove(self._bundle.exec_pid(self.id))


async def _with_console(io: ProcessIO, verb: Verb) -> int:
    socket = ConsoleSocket()
    try:
        pid = await verb(socket.path, None)
        try:
            master = await socket.receive()
        except (OSError, TimeoutError) as error:
            raise Fault(f"failed to retrieve console master: {error or 'context deadline exceeded'}") from error
        await io.open_terminal(master)
        return pid
    finally:
        socket.close()


async def _delete_after(error: BaseException, runtime: Runtime, container_id: str) -> None:
    try:
        await runtime.delete(container_id, force=True)
    except RuntimeFailure as second:
        error.add_note(f"and the container could not be deleted: {second}")


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
