"""A sandbox: what lives as long as the pod, and whose namespaces its containers join.

With a root file system it is a container like any other; without one it is a pause process of our own. What it holds
is in the bundle's config.json, in the OCI specification's words: `linux.namespaces` (for a pause process ipc and uts,
when it says nothing) and `hostname`; a network namespace's path in the request comes first.
"""

import asyncio
import json
import os
import signal
import time
from collections.abc import Mapping
from typing import Any

from proto.errdefs import FailedPrecondition, InvalidArgument, NotFound
from shim.container import Container, Host
from shim.exit_record import write_exit
from shim.options import RuntimeOptions
from shim.paths import Bundle, write_atomically
from shim.pause import Pause, PauseError
from shim.reaper import Exit
from shim.requests import CreateSpec
from shim.rootfs import Mount
from shim.stdio import StdioSpec

READY, NOT_READY = "SANDBOX_READY", "SANDBOX_NOTREADY"  # the words of CRI, which clients compare with
_DEFAULT_NAMESPACES = {"ipc": "", "uts": ""}
_NOT_HELD = frozenset(("mount", "user"))  # each container has its own


class SandboxSpec:
    """What CreateSandbox asks for."""

    __slots__ = ("annotations", "bundle", "id", "mounts", "netns")

    def __init__(
        self, sandbox_id: str, bundle: str, mounts: list[Mount], netns: str, annotations: Mapping[str, str]
    ) -> None:
        self.id = sandbox_id
        self.bundle = Bundle(bundle)
        self.mounts = mounts
        self.netns = netns
        self.annotations = dict(annotations)


class Sandbox:
    """One sandbox, created; every method raises Fault."""

    def __init__(self, spec: SandboxSpec, host: Host) -> None:
        self.spec = spec
        self.pid = 0
        self.created_at = time.time_ns()
        self.exit: Exit | None = None
        self._host = host
        self._lock = asyncio.Lock()
        self._over = asyncio.Event()
        self._lifeline = -1
        self._document = _read_config(spec.bundle.config)
        self._container = self._make_container() if spec.mounts else None
        self._pause = self._make_pause() if self._container is None else None

    @property
    def state(self) -> str:
        """READY between start and end."""
        return READY if self.pid and self.exit is None else NOT_READY

    @property
    def cgroups(self) -> str:
        """The /proc/PID/cgroup of a sandbox with a cgroup of its own, else nothing."""
        return self._container.cgroups if self._container is not None else ""

    async def create(self) -> None:
        """Make the container, where it is one."""
        if self._container is not None:
            await self._container.create()

    async def start(self) -> int:
        """Let it live; its pid."""
        async with self._lock:
            if self.pid or self.exit is not None:
                raise FailedPrecondition(f"sandbox {self.spec.id} was started before")
            if self._container is not None:
                self.pid = await self._container.start("")
                self._host.spawn(self._watch_container(self._container), f"sandbox {self.spec.id}")
            elif self._pause is not None:
                with self._host.reaper.expects():
                    self._start_pause(self._pause)
        return self.pid

    async def stop(self, seconds: float) -> None:
        """SIGTERM, and SIGKILL for what has not ended in time; what never ran is over."""
        async with self._lock:
            if not self.pid and self.exit is None:
                if self._container is not None:
                    await self._container.kill("", signal.SIGKILL, everyone=True)
                self._ended(Exit(0, 0, time.time_ns()))
            if self.exit is not None:
                return
            for number in (signal.SIGTERM, signal.SIGKILL) if seconds else (signal.SIGKILL,):
                await self._kill(number)
                try:
                    async with asyncio.timeout(seconds if number == signal.SIGTERM else None):
                        await self._over.wait()
                    return
                except TimeoutError:
                    continue

    async def wait(self) -> Exit:
        """How it ended."""
        await self._over.wait()
        assert self.exit is not None
        return self.exit

    async def delete(self) -> None:
        """Take away what is left of one that has ended."""
        if self._container is not None:
            await self._container.delete("")

    def info(self) -> dict[str, str]:
        """What SandboxStatus tells when it is asked for more."""
        held = self._pause.namespaces if self._pause is not None else {}
        return {
            "annotations": json.dumps(self.spec.annotations, sort_keys=True),
            "kind": "pause" if self._pause is not None else "container",
            "namespaces": json.dumps(held, sort_keys=True),
        }

    def _make_container(self) -> Container:
        spec = CreateSpec(
            self.spec.id, self.spec.bundle.path, self.spec.mounts, StdioSpec("", "", "", False), RuntimeOptions()
        )
        if self.spec.netns:
            self._join_network(self.spec.netns)
        return Container(spec, self._host)

    def _join_network(self, path: str) -> None:
        """The network namespace of the request becomes the spec's."""
        namespaces = self._document.setdefault("linux", {}).setdefault("namespaces", [])
        namespaces[:] = [entry for entry in namespaces if entry.get("type") != "network"]
        namespaces.append({"type": "network", "path": path})
        write_atomically(self.spec.bundle.config, json.dumps(self._document).encode())

    def _make_pause(self) -> Pause:
        listed = (self._document.get("linux") or {}).get("namespaces")
        held = dict(_DEFAULT_NAMESPACES)
        if listed is not None:
            held = {entry["type"]: entry.get("path", "") for entry in listed if entry["type"] not in _NOT_HELD}
        if self.spec.netns:
            held["network"] = self.spec.netns
        try:
            return Pause(held, self._document.get("hostname", ""))
        except PauseError as error:
            raise InvalidArgument(str(error)) from error

    def _start_pause(self, pause: Pause) -> None:
        try:
            self.pid, self._lifeline = pause.start()
        except (PauseError, OSError) as error:
            raise FailedPrecondition(f"failed to start sandbox {self.spec.id}: {error}") from error
        self._host.reaper.watch(self.pid, self._pause_ended)

    def _pause_ended(self, exit_: Exit) -> None:
        os.close(self._lifeline)
        write_exit(self.spec.bundle.exit_record, exit_.pid, exit_.status, exit_.at)
        self._ended(exit_)

    async def _watch_container(self, container: Container) -> None:
        self._ended(await container.init.wait())

    def _ended(self, exit_: Exit) -> None:
        self.exit = exit_
        self._over.set()

    async def _kill(self, number: int) -> None:
        try:
            if self._container is not None:
                await self._container.kill("", number, everyone=number == signal.SIGKILL)
            else:
                os.kill(self.pid, number)  # ours: nobody else can have got this pid before we have reaped it
        except (NotFound, ProcessLookupError):
            return  # it ended first


def _read_config(path: str) -> dict[str, Any]:
    """The sandbox's spec; a sandbox may have none."""
    try:
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise InvalidArgument(f"sandbox spec is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise InvalidArgument("sandbox spec is no JSON object")
    return document
