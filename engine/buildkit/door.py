"""`POST /grpc`: the gRPC server that a client's connection is led to, by a socket that only the engine reaches.

Python's gRPC server takes no open connection, so one to its socket is opened for each client. The server is made when
the first client comes: most engines never see one.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable
from typing import Any

import grpc

_MAX_MESSAGE = 16 << 20  # BuildKit's own limit
_NAME = "grpc.sock"

Register = Callable[[grpc.aio.Server], None]


class Door:
    """The server, and the way to it."""

    def __init__(self, folder: str, register: Register) -> None:
        self._folder = folder
        self._register = register
        self._opening = asyncio.Lock()
        self._server: Any = None
        self._fd = -1

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection for one client."""
        async with self._opening:
            if self._server is None:
                await self._open()
        return await asyncio.open_unix_connection(self._address)

    @property
    def _address(self) -> str:
        """By the open folder: a socket's path may have a hundred letters only, and an exec root may have more."""
        return f"/proc/self/fd/{self._fd}/{_NAME}"

    async def _open(self) -> None:
        os.makedirs(self._folder, mode=0o700, exist_ok=True)
        self._fd = os.open(self._folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(_NAME, dir_fd=self._fd)
        server = grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", _MAX_MESSAGE),
                ("grpc.max_send_message_length", _MAX_MESSAGE),
            ]
        )
        self._register(server)
        server.add_insecure_port(f"unix:{self._address}")
        await server.start()
        self._server = server

    async def close(self) -> None:
        """End it, with all calls."""
        server, self._server = self._server, None
        if server is not None:
            await server.stop(0)
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
