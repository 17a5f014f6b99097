"""The server: composition root, signals, and an orderly end.

It is one process with one thread for all containers of its group: what it starts, it forks.
"""

import shim.lean  # noqa: F401

# isort: split
import asyncio
import contextlib
import faulthandler
import gc
import logging
import os
import signal
import socket
import sys
import time

from proto.containerd.runtime.sandbox.v1 import sandbox_pb2
from proto.containerd.runtime.task.v2 import shim_pb2 as task_v2
from proto.containerd.runtime.task.v3 import shim_pb2 as task_v3
from proto.ttrpc.server import Server
from shim import cgroups, linux
from shim.args import LISTEN_FD, Arguments, server_argv
from shim.attach import bind_anywhere
from shim.container import Host
from shim.events import Publisher, TaskEvents
from shim.oom import OomWatcher
from shim.reaper import Reaper
from shim.runtime import Launcher, SpawnLauncher
from shim.sandbox_service import SandboxService
from shim.service import TaskService

logger = logging.getLogger("shim")

_FLUSH_SECONDS = 3.0
_LAST_ANSWERS_SECONDS = 0.5


def main(arguments: Arguments, launcher: Launcher | None = None) -> int:
    """Serve until Shutdown or a signal; the exit status. The process is good for nothing else afterwards."""
    if not arguments.namespace:
        raise ValueError("shim namespace cannot be empty")
    set_up_log(debug=arguments.debug)
    _become_shim(arguments)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.run_until_complete(_serve(arguments, launcher or SpawnLauncher()))
    sys.stderr.flush()
    return 0


def warm_up() -> None:
    """Before a zygote forks: let what is loaded at first use be loaded, and what is the same in all shims be made."""
    set_up_log(debug=False)
    asyncio.new_event_loop().close()
    time.strftime("%Y", time.gmtime(0))


class LogFormat(logging.Formatter):
    """Lines as containerd's own: it copies them into its log."""

    def format(self, record: logging.LogRecord) -> str:
        """time="…" level=… msg="…" key=value."""
        seconds = time.gmtime(record.created)
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", seconds) + f".{int(record.msecs * 1e6):09d}Z"
        level = {"critical": "fatal"}.get(record.levelname.lower(), record.levelname.lower())
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        quoted = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        container = getattr(record, "id", "")
        return f'time="{moment}" level={level} msg="{quoted}"' + (f" id={container}" if container else "")


class Shim:
    """The objects of a server, built once and handed down."""

    def __init__(self, arguments: Arguments, launcher: Launcher, events_address: str) -> None:
        loop = asyncio.get_running_loop()
        self.stopped = asyncio.Event()
        self._reaper = Reaper()
        self._publisher = Publisher(events_address, arguments.namespace)
        events = TaskEvents(self._publisher)
        oom = OomWatcher(loop, cgroups.mounted(), events.oom)
        self._host = Host(arguments.namespace, self._reaper, launcher, events, oom, set())
        service = TaskService(self._host, self.stopped.set)
        self._server = Server(same_user_only=True)
        self._server.register(task_v2.DESCRIPTOR.services_by_name["Task"], service)
        self._server.register(task_v3.DESCRIPTOR.services_by_name["Task"], service)
        sandboxes = SandboxService(service, self.stopped.set)
        self._server.register(sandbox_pb2.DESCRIPTOR.services_by_name["Sandbox"], sandboxes)

    async def open(self, listener: socket.socket) -> None:
        """Answer, reap, forward events."""
        loop = asyncio.get_running_loop()
        await self._server.serve(listener)
        self._reaper.start(loop)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stopped.set)
        self._host.spawn(self._publisher.run(), "publisher")

    async def close(self, path: str) -> None:
        """Stop in order: nobody finds us, the last answers leave, the last events, too."""
        if path:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        await self._server.close(_LAST_ANSWERS_SECONDS)
        await self._publisher.flush(_FLUSH_SECONDS)
        for task in list(self._host.tasks):
            task.cancel()


async def _serve(arguments: Arguments, launcher: Launcher) -> None:
    shim = Shim(arguments, launcher, os.environ.get("TTRPC_ADDRESS", ""))
    listener, path = _listener(arguments)
    await shim.open(listener)
    gc.collect()
    gc.freeze()  # what a shim has by now it keeps: neither its collector nor its forks need to touch it again
    logger.debug("serving", extra={"id": arguments.id})
    await shim.stopped.wait()
    await shim.close(path)


def _listener(arguments: Arguments) -> tuple[socket.socket, str]:
    """The socket of -socket, or the one that `start` left at fd 3; and the path to remove at the end."""
    if arguments.socket:
        path = os.path.abspath(arguments.socket.removeprefix("unix://"))
        return bind_anywhere(path), path
    listener = socket.socket(fileno=LISTEN_FD)
    name = listener.getsockname()
    return listener, name if isinstance(name, str) else ""


def _become_shim(arguments: Arguments) -> None:
    """Orphans of our containers become our children; a leaving reader must not kill us; SIGUSR1 shows what we do."""
    linux.prctl(linux.PR_SET_CHILD_SUBREAPER, 1)
    # It is the supervisor's, for its own service manager: an OCI runtime that finds it reports there, unasked.
    os.environ.pop("NOTIFY_SOCKET", None)
    linux.set_process_name("containerd-shim")
    linux.set_command_line(["containerd-shim-wherry-v2", *server_argv(arguments)])
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    with contextlib.suppress(ValueError, OSError):  # stderr may not be a file
        faulthandler.register(signal.SIGUSR1, all_threads=True)


def set_up_log(*, debug: bool) -> None:
    """Log to stderr; a second time only the level is new."""
    root = logging.getLogger()
    root.setLevel(logging.DEBUG if debug else logging.INFO)
    if root.handlers and isinstance(root.handlers[0].formatter, LogFormat):
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LogFormat())
    root.handlers[:] = [handler]
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    logging.raiseExceptions = False  # nobody may be reading the log fifo
