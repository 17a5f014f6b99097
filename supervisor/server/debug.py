"""What the daemon is doing at this moment: every thread's and every task's stack, as text.

On the debug socket, where the configuration names one, any HTTP request is answered with it
(`curl --unix-socket debug.sock http://x/`); SIGUSR1 puts it in the log.
"""

import asyncio
import io
import os
import sys
import threading
import traceback

from supervisor.config import Socket
from supervisor.server.sockets import bind_unix


def stacks() -> str:
    """All stacks, of threads and of tasks."""
    text = io.StringIO()
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    for ident, stack in sys._current_frames().items():
        text.write(f"thread {names.get(ident, ident)}\n")
        text.writelines(traceback.format_stack(stack))
    for task in asyncio.all_tasks():
        text.write(f"task {task.get_name()}\n")
        for frame in task.get_stack():  # print_stack fails on frames without a line, as grpc's are
            text.write(f'  File "{frame.f_code.co_filename}", line {frame.f_lineno}, in {frame.f_code.co_name}\n')
    return text.getvalue()


class DebugServer:
    """The debug socket."""

    def __init__(self, socket: Socket) -> None:
        self._socket = socket
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen, if there is an address."""
        if self._socket.address:
            self._server = await asyncio.start_unix_server(_answer, sock=bind_unix(self._socket))

    async def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            os.unlink(self._socket.address)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await reader.readuntil(b"\r\n\r\n")
        body = stacks().encode()
        head = f"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
        return  # not a request; nobody waits for an answer
    finally:
        writer.close()
