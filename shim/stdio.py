"""A process's streams: from the names in Create or Exec to fds for the runtime, and the copying behind them.

    ""               /dev/null
    /path, fifo://   a fifo the caller made (or a plain file)
    file:///path     both outputs appended to one file
    binary:///path   both outputs to a program that logs them
    wherry:///path   output owned here: an attach socket and a log (owned_output.py)

The scheme of stdout decides for both outputs. A fifo is opened for reading and writing: that never waits for a reader,
a reader that leaves causes no EPIPE, and what it has not read waits for the next.
"""

import asyncio
import os
import stat
from collections.abc import Callable
from urllib.parse import SplitResult, unquote, urlsplit

from proto.errdefs import Fault
from shim import console, owned_output
from shim.attach import STDERR, STDOUT, AttachHub, Input
from shim.logging_binary import LoggingBinary
from shim.pump import FdSink, Pump, Sink
from shim.reaper import Reaper
from shim.runtime import Streams


class StdioSpec:
    """What the caller asked for."""

    __slots__ = ("stderr", "stdin", "stdout", "terminal")

    def __init__(self, stdin: str = "", stdout: str = "", stderr: str = "", terminal: bool = False) -> None:
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
        self.terminal = terminal


class StdioHost:
    """What the streams need of the shim: who the process is, and who shall own its pipes."""

    __slots__ = ("gid", "keep_null", "namespace", "probes", "process_id", "reaper", "uid")

    def __init__(
        self, process_id: str, namespace: str, reaper: Reaper, uid: int = 0, gid: int = 0, *, keep_null: bool = False
    ) -> None:
        self.process_id = process_id
        self.namespace = namespace
        self.reaper = reaper
        self.uid = uid
        self.gid = gid
        self.probes: Callable[[int], int] | None = None  # of a container's first process: attach.AttachHub's
        self.keep_null = keep_null  # the runtime gives its stdio to the container's user: not the host's /dev/null


class Discard:
    """Output that nobody asked for; a pty must be emptied all the same."""

    def __init__(self) -> None:
        self.on_ready = lambda: None

    def write(self, _data: bytes) -> bool:
        return True

    def close(self) -> None:
        return


class ProcessIO:
    """One process's streams. `open` or `open_terminal`, then `start`; `close` at Delete, or when anything failed."""

    def __init__(self, spec: StdioSpec, host: StdioHost) -> None:
        self._spec = spec
        self._host = host
        self._loop = asyncio.get_running_loop()
        self._child: list[int] = []  # the process's ends, ours only until it has them
        self._outputs: list[Pump] = []
        self._input: Pump | None = None
        self._input_sink: FdSink | None = None
        self._input_closed = False
        self._input_keeper = -1  # a write end: the fifo ends by CloseIO, not by a client that leaves
        self._master = -1
        self._logger: LoggingBinary | None = None
        self._hub: AttachHub | None = None

    async def open(self) -> Streams:
        """The fds for the runtime; raises Fault when a destination cannot be opened."""
        uri = urlsplit(self._spec.stdout)
        owned = owned_output.parse(uri) if uri.scheme == owned_output.SCHEME else None
        has_input = owned.stdin if owned else self._names_input()
        stdin, input_sink = self._input_pipe() if has_input else (self._no_input(), None)
        if owned:
            await self._open_hub(owned, input_sink)
        else:
            self._input_sink = input_sink
        stdout, stderr = await self._open_outputs(uri)
        return stdin, stdout, stderr

    async def open_terminal(self, master: int) -> None:
        """Copy between a pty's master end, which becomes ours, and the destinations."""
        self._master = master
        uri = urlsplit(self._spec.stdout)
        if uri.scheme == owned_output.SCHEME:
            owned = owned_output.parse(uri)
            await self._open_hub(owned, FdSink(self._loop, os.dup(master)) if owned.stdin else None, terminal=True)
        elif self._names_input():
            self._input_sink = FdSink(self._loop, os.dup(master))
        self._outputs.append(Pump(self._loop, os.dup(master), await self._terminal_sink(uri)))

    def start(self) -> None:
        """The process has its ends: drop ours, and copy its output."""
        self._release_child()
        if self._logger is not None:
            self._logger.release()
        for pump in self._outputs:
            pump.start()

    def start_input(self) -> None:
        """Copy the input, from when the process runs; raises Fault when its name cannot be opened.

        Not before: ctr copies into a fifo as soon as it has a reader, and does not pass on an end that it meets before
        its Create was answered.
        """
        sink, self._input_sink = self._input_sink, None
        if sink is not None:
            self._input = self._feed(sink)
            self._input.start()
            if self._input_closed:
                self.close_stdin()

    def close_stdin(self) -> None:
        """Let the input end once what is in the fifo was read."""
        self._input_closed = True
        keeper, self._input_keeper = self._input_keeper, -1
        if keeper >= 0:
            os.close(keeper)
        if self._hub is not None:
            self._hub.close_stdin()

    def resize(self, width: int, height: int) -> None:
        """Set a pty's size; without one nothing happens."""
        if self._master >= 0:
            console.resize(self._master, width, height)

    def process_exited(self) -> None:
        """Programs left behind may hold the pty open; the process's own output is in it already."""
        if self._spec.terminal:
            for pump in self._outputs:
                pump.settle()

    async def drain(self, seconds: float) -> bool:
        """Wait until all output was handed over; False when it takes too long."""
        waiting = [pump.done for pump in self._outputs if not pump.done.done()]
        if waiting:
            await asyncio.wait(waiting, timeout=seconds)
        return all(pump.done.done() for pump in self._outputs)

    async def close(self) -> None:
        """Let go of everything."""
        self._release_child()
        for pump in (*self._outputs, *([self._input] if self._input else [])):
            pump.stop()
        if self._input_sink is not None:
            self._input_sink.close()
        self.close_stdin()
        if self._hub is not None:
            self._hub.close()
        if self._master >= 0:
            os.close(self._master)
            self._master = -1
        logger, self._logger = self._logger, None
        if logger is not None:
            logger.release()
            await logger.close()

    async def _open_hub(self, owned: owned_output.OwnedOutput, sink: FdSink | None, terminal: bool = False) -> None:
        # A pty has no end of input that a client could pass on.
        stdin = Input(sink, once=owned.stdin_once and not terminal) if sink is not None else None
        self._hub = AttachHub(owned.socket, owned.open_log(), stdin)
        self._hub.probes = self._host.probes
        await self._hub.listen()

    async def _open_outputs(self, uri: SplitResult) -> tuple[int, int]:
        if uri.scheme in ("binary", "binary-v2"):
            self._logger = await LoggingBinary.start(
                uri, self._host.process_id, self._host.namespace, self._host.reaper
            )
            return self._logger.stdout, self._logger.stderr
        if self._hub is not None:
            return self._output_pipe(self._hub.sink(STDOUT)), self._output_pipe(self._hub.sink(STDERR))
        names = (uri, urlsplit(self._spec.stderr)) if uri.scheme != "file" else (uri, uri)
        sinks = [open_destination(self._loop, name) for name in names]
        stdout, stderr = (self._output_pipe(sink) if sink is not None else self._no_output() for sink in sinks)
        return stdout, stderr

    async def _terminal_sink(self, uri: SplitResult) -> Sink:
        if self._hub is not None:
            return self._hub.sink(STDOUT)
        if uri.scheme in ("binary", "binary-v2"):
            self._logger = await LoggingBinary.start(
                uri, self._host.process_id, self._host.namespace, self._host.reaper
            )
            fd = os.dup(self._logger.stdout)
            os.set_blocking(fd, False)
            return FdSink(self._loop, fd)
        return open_destination(self._loop, uri) or Discard()

    def _names_input(self) -> bool:
        """Whether there is a stdin; raises Fault when there is nothing at its name."""
        path = self._spec.stdin
        if path and not os.path.exists(path):
            raise Fault(f"failed to open stdin fifo {path}: no such file or directory")
        return bool(path)

    def _feed(self, sink: FdSink) -> Pump:
        """From the stdin fifo to the process."""
        path = self._spec.stdin
        try:
            source = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            if stat.S_ISFIFO(os.fstat(source).st_mode):
                self._input_keeper = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            sink.close()
            raise Fault(f"failed to open stdin fifo {path}: {_reason(error)}") from error
        return Pump(self._loop, source, sink)

    def _input_pipe(self) -> tuple[int, FdSink]:
        read, write = self._pipe()
        self._child.append(read)
        os.fchown(read, self._host.uid, self._host.gid)
        os.set_blocking(write, False)
        return read, FdSink(self._loop, write)

    def _output_pipe(self, sink: Sink) -> int:
        read, write = self._pipe()
        self._child.append(write)
        os.fchown(write, self._host.uid, self._host.gid)
        self._outputs.append(Pump(self._loop, read, sink))
        return write

    def _no_input(self) -> int:
        """What ends at once when it is read."""
        if not self._host.keep_null:
            return self._null()
        read, write = self._pipe()
        os.close(write)
        self._child.append(read)
        return read

    def _no_output(self) -> int:
        """What takes everything."""
        return self._output_pipe(Discard()) if self._host.keep_null else self._null()

    def _null(self) -> int:
        fd = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        self._child.append(fd)
        return fd

    def _pipe(self) -> tuple[int, int]:
        return os.pipe2(os.O_CLOEXEC)

    def _release_child(self) -> None:
        while self._child:
            os.close(self._child.pop())


def open_destination(loop: asyncio.AbstractEventLoop, uri: SplitResult) -> Sink | None:
    """The sink for an output's name, None for no name; raises Fault for a scheme nobody knows or a path that fails."""
    path = unquote(uri.path)
    if uri.scheme not in ("", "fifo", "file"):
        raise Fault(f"unknown STDIO scheme {uri.scheme}")
    if not path:
        return None
    flags = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC
    try:
        if uri.scheme == "file":
            os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
            return FdSink(loop, os.open(path, flags | os.O_CREAT, 0o644))
        if stat.S_ISFIFO(os.stat(path).st_mode):
            flags = os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC
        return FdSink(loop, os.open(path, flags))
    except OSError as error:
        raise Fault(f"unable to copy pipes: containerd-shim: opening {path} failed: {_reason(error)}") from error


def _reason(error: OSError) -> str:
    """errno's text as Go words it."""
    return (error.strerror or str(error)).lower()
