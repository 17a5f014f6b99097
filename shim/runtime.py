"""The OCI runtime's client: runs it, waits for it, reads its log when it failed.

How a runtime is run is a `Launcher`'s business: by posix_spawn(3) of its program, or, in a warm shim, by a fork in
which lowrt's `main` is called. Both give the same argv, files, exit status and parent. Verbs that fork nothing may need
no process at all: a warm shim calls them in a thread, which costs a tenth of a fork with the pages it copies. And an
exec's process may be forked by the warm shim itself.
"""

import _thread
import asyncio
import json
import os
from collections.abc import Callable, Sequence
from typing import Protocol

from shim import runtime_argv
from shim.reaper import Reaper
from shim.runtime_argv import RuntimeSettings
from shim.runtime_errors import RuntimeFailure, failure
from shim.spawn import spawn

Streams = tuple[int, int, int]  # the fds that become 0, 1 and 2


class Entering(Protocol):
    """A process on its way into a container, our child already. Each method raises RuntimeFailure.

    Until `advance` says True, its pid and its fds may be others after each call: what goes astray is begun anew.
    """

    @property
    def pid(self) -> int:
        """Ours to reap."""

    @property
    def pidfd(self) -> int:
        """Readable when it has ended."""

    def release(self) -> None:
        """Say the first word."""

    def fileno(self) -> int:
        """Readable when `advance` has something to do."""

    def advance(self) -> bool:
        """Do it; whether the process is on its own now."""

    def close(self) -> None:
        """Let go of it."""


class Launcher(Protocol):
    """Starts a program and returns its pid; the child has no other fds of ours than the three."""

    def launch(self, argv: Sequence[str], streams: Streams) -> int: ...

    def brief(self, argv: Sequence[str]) -> Callable[[], int] | None:
        """The whole call as a function for a thread, giving the exit status; None where it takes a process."""

    def enter(self, settings: RuntimeSettings, container_id: str, wanted: "Wanted") -> Entering | None:
        """An exec begun without a runtime between us and its process; None where it takes one."""

    def probes(self, settings: RuntimeSettings, container_id: str, init_pid: int, connection: int) -> int:
        """A process that runs health checks on a connection (probes.py), by pid; 0 where they take a runtime.

        Raises Unavailable at a moment when there can be none.
        """


class Wanted:
    """What an exec is to be: its document, and its streams or, for a terminal, the console socket's path."""

    __slots__ = ("console", "document", "streams")

    def __init__(self, document: bytes, streams: Streams | None, console: str | None) -> None:
        self.document = document
        self.streams = streams
        self.console = console


class SpawnLauncher:
    """posix_spawn(3): no Python runs in the child, and signals that we ignore are its defaults again."""

    def launch(self, argv: Sequence[str], streams: Streams) -> int:
        """Start `argv[0]`, looked up in PATH; raises OSError when it cannot be."""
        return spawn(argv, streams, dict(os.environ))

    def brief(self, argv: Sequence[str]) -> Callable[[], int] | None:
        """A program is a process."""
        del argv
        return None

    def enter(self, settings: RuntimeSettings, container_id: str, wanted: Wanted) -> None:
        """A program is a process."""

    def probes(self, settings: RuntimeSettings, container_id: str, init_pid: int, connection: int) -> int:
        """There is nothing here that would make them cheaper than any exec."""
        del settings, container_id, init_pid, connection
        return 0


class Runtime:
    """One container's runtime. Every method raises RuntimeFailure, or OSError when the program cannot be started."""

    def __init__(self, settings: RuntimeSettings, log: str, launcher: Launcher, reaper: Reaper) -> None:
        self._settings = settings
        self._log = log
        self._launcher = launcher
        self._reaper = reaper

    async def create(self, words: Sequence[str], streams: Streams | None) -> None:
        """`create` or `restore`, given as words; the container inherits the streams."""
        await self._run(words, streams=streams)

    async def start(self, container_id: str) -> None:
        """Let the first process run its program."""
        await self._run_briefly(["start", container_id])

    async def exec(self, words: Sequence[str], streams: Streams | None, log: str) -> None:
        """`exec`, given as words, with a log of its own."""
        await self._run(words, streams=streams, log=log)

    async def enter(self, container_id: str, wanted: Wanted) -> int:
        """`exec` by a process that is our own child from the beginning: its pid; 0 where it takes a runtime."""
        entering = self._launcher.enter(self._settings, container_id, wanted)
        if entering is None:
            return 0
        try:
            entering.release()
            await _until_done(entering)
        finally:
            entering.close()
        return entering.pid

    async def kill(self, container_id: str, signal: int, *, everyone: bool = False) -> None:
        """Signal the first process, or all of them."""
        await self._run_briefly(runtime_argv.kill(container_id, signal, everyone=everyone))

    async def delete(self, container_id: str, *, force: bool = False) -> None:
        """Remove what the runtime keeps of a stopped container."""
        await self._run_briefly(runtime_argv.delete(container_id, force=force))

    async def pause(self, container_id: str) -> None:
        """Freeze."""
        await self._run(["pause", container_id])

    async def resume(self, container_id: str) -> None:
        """Thaw."""
        await self._run(["resume", container_id])

    async def ps(self, container_id: str) -> list[int]:
        """The pids of every process in the container."""
        output = await self._run(runtime_argv.ps(container_id))
        return [int(pid) for pid in json.loads(output) or []]

    async def update(self, container_id: str, resources: bytes) -> None:
        """Change the resource limits; `resources` is JSON."""
        await self._run(runtime_argv.update(container_id), given=resources)

    async def checkpoint(self, words: Sequence[str]) -> None:
        """`checkpoint`, given as words."""
        await self._run(words)

    async def _run_briefly(self, words: Sequence[str]) -> None:
        """Run a verb that prints nothing, without a process where that is possible."""
        mark = _size(self._log)
        call = self._launcher.brief(self._settings.command(self._log, *words))
        if call is None:
            await self._run(words)
            return
        status = await in_thread(call)
        if status != 0:
            raise failure(status, b"", _tail(self._log, mark))

    async def _run(
        self, words: Sequence[str], *, streams: Streams | None = None, given: bytes = b"", log: str | None = None
    ) -> bytes:
        """Run to the end; what it printed. With `streams` its output is the container's and stays unread."""
        log = log or self._log
        mark = _size(log)
        argv = self._settings.command(log, *words)
        files = [] if streams else [_memory_file("stdin", given), _memory_file("stdout"), _memory_file("stderr")]
        try:
            pid = self._launch(argv, streams or (files[0], files[1], files[2]), log)
            ended = await self._reaper.wait(pid)
            output, errors = (_content(files[1]), _content(files[2])) if files else (b"", b"")
            if ended.status != 0:
                raise failure(ended.status, errors or output, _tail(log, mark))
            return output
        finally:
            for fd in files:
                os.close(fd)

    def _launch(self, argv: Sequence[str], streams: Streams, log: str) -> int:
        try:
            return self._launcher.launch(argv, streams)
        except FileNotFoundError as error:
            absent = f'exec: "{argv[0]}": executable file not found in $PATH'
            if "/" in argv[0]:
                absent = f"fork/exec {argv[0]}: no such file or directory"
            reason = f"unable to retrieve OCI runtime error (open {log}: no such file or directory): {absent}"
            raise RuntimeFailure(127, "", reason) from error
        except OSError as error:
            raise RuntimeFailure(126, "", f"fork/exec {argv[0]}: {(error.strerror or '').lower()}") from error


async def _until_done(entering: Entering) -> None:
    """Advance whenever there is something to do; a process that is held up holds nobody else up."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def readable(fd: int) -> None:
        loop.remove_reader(fd)
        try:
            if entering.advance():
                done.set_result(None)
            else:
                listen()
        except Exception as error:  # raised where it is awaited
            done.set_exception(error)

    def listen() -> None:
        fd = entering.fileno()  # it may be another one each time
        loop.add_reader(fd, readable, fd)

    listen()
    try:
        await done
    finally:
        loop.remove_reader(entering.fileno())


async def in_thread(call: Callable[[], int]) -> int:
    """Call it in a thread that ends with the call: a pool would keep its threads, and their stacks, in every shim."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[int] = loop.create_future()

    def settle(result: int | BaseException) -> None:
        if done.cancelled():
            return
        if isinstance(result, BaseException):
            done.set_exception(result)
        else:
            done.set_result(result)

    def run() -> None:
        result: int | BaseException
        try:
            result = call()
        except BaseException as error:  # raised where the result is awaited
            result = error
        loop.call_soon_threadsafe(settle, result)

    _thread.start_new_thread(run, ())
    return await done


def _memory_file(name: str, content: bytes = b"") -> int:
    """Output is collected in memory, not in a pipe that somebody would have to empty meanwhile."""
    fd = os.memfd_create(name)
    if content:
        os.write(fd, content)
        os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _content(fd: int) -> bytes:
    return os.pread(fd, os.fstat(fd).st_size, 0)


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


def _tail(path: str, start: int) -> bytes:
    try:
        with open(path, "rb") as file:
            file.seek(start)
            return file.read()
    except FileNotFoundError:
        return b""
