"""User namespaces of containers, made before the container: its network namespace has to belong to it, and mounts are
shown through it.

A small process keeps the namespace until the runtime has entered it (`holder`); afterwards the container does. So
nothing of it is left, however the engine ends.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass

from engine.users import holder
from engine.users.idmap import IdMap
from proto.errdefs import FailedPrecondition


@dataclass(frozen=True, slots=True)
class Held:
    """A user namespace that somebody keeps, and a network namespace in it."""

    ids: IdMap
    user: str  # paths, for as long as it is held
    network: str
    fd: int


@contextlib.asynccontextmanager
async def held(ids: IdMap, join: str = "") -> AsyncIterator[Held]:
    """A new namespace with this mapping, or the one at a path, which has it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-IS", holder.__file__, *([join] if join else [])),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        if await process.stdout.read(1) != b"1":
            code = await process.wait()
            raise FailedPrecondition(f"cannot make a user namespace: {os.strerror(code).lower()}")
        folder = f"/proc/{process.pid}"
        if not join:
            for name, text in zip(("uid_map", "gid_map"), ids.lines(), strict=True):
                _write(f"{folder}/{name}", text)
        fd = os.open(f"{folder}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
        try:
            yield Held(ids, join or f"{folder}/ns/user", f"{folder}/ns/net", fd)
        finally:
            os.close(fd)
    finally:
        process.stdin.close()
        await asyncio.shield(process.wait())


def _write(path: str, text: str) -> None:
    """In one write(2), as the kernel wants it."""
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    except OSError as error:
        raise FailedPrecondition(f"cannot map ids: {(error.strerror or '').lower()}: {text.strip()}") from error
    finally:
        os.close(fd)
