"""`binary://PATH?arg=value`: a program that gets the output and logs it, as containerd's shims start it.

fd 3  the process's stdout      env: CONTAINER_ID, CONTAINER_NAMESPACE and nothing else
fd 4  the process's stderr
fd 5  closed by the logger when it is ready; the process starts after that
"""

import asyncio
import os
import signal
from urllib.parse import SplitResult, parse_qs, unquote

from proto.errdefs import Fault
from shim.reaper import Exit, Reaper
from shim.spawn import spawn

_TERMINATE_SECONDS = 12.0


def command(uri: SplitResult) -> list[str]:
    """The logger's argv: each query key with its first value."""
    argv = [unquote(uri.path)]
    for key, values in parse_qs(uri.query, keep_blank_values=True).items():
        argv += [key, values[0]]
    return argv


class LoggingBinary:
    """A running logger; `stdout` and `stderr` are the ends that the process writes to."""

    def __init__(self, stdout: int, stderr: int, ended: asyncio.Future[Exit], pid: int) -> None:
        self.stdout = stdout
        self.stderr = stderr
        self._ended = ended
        self._pid = pid

    @classmethod
    async def start(cls, uri: SplitResult, process_id: str, namespace: str, reaper: Reaper) -> "LoggingBinary":
        """Run the logger and wait until it is ready; raises Fault when it cannot be run or does not get ready."""
        out_read, out_write = os.pipe()
        err_read, err_write = os.pipe()
        ready_read, ready_write = os.pipe()
        null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        environment = {"CONTAINER_ID": process_id, "CONTAINER_NAMESPACE": namespace}
        argv = command(uri)
        try:
            pid = spawn(argv, (null, null, null, out_read, err_read, ready_write), environment)
        except OSError as error:
            for fd in (out_write, err_write, ready_read):
                os.close(fd)
            reason = (error.strerror or "").lower()
            raise Fault(f"failed to start binary process: fork/exec {argv[0]}: {reason}") from error
        finally:
            for fd in (null, out_read, err_read, ready_write):
                os.close(fd)
        ended: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        reaper.watch(pid, lambda exit_: None if ended.done() else ended.set_result(exit_))
        logger = cls(out_write, err_write, ended, pid)
        if not await _first_byte(ready_read) and uri.scheme == "binary-v2":
            logger.release()
            await logger.close()
            raise Fault("logging binary did not call ready (it may have crashed or exited prematurely)")
        return logger

    def release(self) -> None:
        """Close our copies of the pipes: the logger sees the end of file when the process's are closed, too."""
        for fd in (self.stdout, self.stderr):
            if fd >= 0:
                os.close(fd)
        self.stdout = self.stderr = -1

    async def close(self) -> None:
        """End the logger: asked by SIGTERM, killed if it is still there long after."""
        if self._ended.done():
            return
        os.kill(self._pid, signal.SIGTERM)
        try:
            async with asyncio.timeout(_TERMINATE_SECONDS):
                await asyncio.shield(self._ended)
        except TimeoutError:
            os.kill(self._pid, signal.SIGKILL)


async def _first_byte(fd: int) -> bytes:
    """The first byte of a pipe, empty at its end; closes it."""
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    loop.add_reader(fd, lambda: None if ready.done() else ready.set_result(None))
    try:
        await ready
        return os.read(fd, 1)
    finally:
        loop.remove_reader(fd)
        os.close(fd)
