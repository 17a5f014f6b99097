"""`docker exec`: one more process in a running container, over FIFOs and the supervisor's exec."""

import asyncio
import contextlib
import logging
import os
import secrets
from dataclasses import dataclass, field
from typing import Any

from engine.containers import fields, inputs, labelling, launch_faults, links, state, users
from engine.containers.fields import SIZE, Field
from engine.containers.live import Live
from engine.containers.room import Room
from engine.gojson import TEXT, TEXTS, TRUTH, Words
from engine.logs.pump import PumpStdio
from engine.spec import process
from engine.spec.build import Inputs, apparmor_profile, capability_names
from engine.supervisor_client.tasks import ExitStatus, Stdio
from proto.errdefs import Conflict, Fault, InvalidArgument, NotFound

logger = logging.getLogger(__name__)

Json = dict[str, Any]

_KEPT = 512  # finished execs that can still be inspected


@dataclass(slots=True, eq=False)
class Exec:
    """One exec, from create until it is forgotten."""

    id: str
    live: Live
    command: list[str]
    config: Json
    pid: int = 0
    exit_code: int | None = None
    started: bool = False
    running: bool = False
    stdio: PumpStdio | None = None
    launched: asyncio.Event = field(default_factory=asyncio.Event)
    done: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def tty(self) -> bool:
        """It has a terminal."""
        return bool(self.config["Tty"])

    def ended(self, status: ExitStatus) -> None:
        """Its process is gone."""
        if self.running or (self.started and self.exit_code is None):
            self.exit_code = status.status
            self.running = False
            self.done.set()

    def to_inspect(self) -> Json:
        """`GET /exec/{id}/json`."""
        return {
            "ID": self.id,
            "Running": self.running,
            "ExitCode": self.exit_code,
            "ProcessConfig": {
                "tty": self.tty,
                "entrypoint": self.command[0],
                "arguments": self.command[1:],
                "privileged": bool(self.config["Privileged"]),
            }
            | ({"user": self.config["User"]} if self.config["User"] else {}),
            "OpenStdin": bool(self.config["AttachStdin"]),
            "OpenStderr": bool(self.config["AttachStderr"]),
            "OpenStdout": bool(self.config["AttachStdout"]),
            "CanRemove": not self.running and self.exit_code is not None,
            "ContainerID": self.live.container.id,
            "DetachKeys": self.config["DetachKeys"],
            "Pid": self.pid,
        }


_FIELDS = {
    "User": Field(TEXT, ""),
    "Privileged": Field(TRUTH, False),
    "Tty": Field(TRUTH, False),
    "ConsoleSize": Field(SIZE),
    "AttachStdin": Field(TRUTH, False),
    "AttachStderr": Field(TRUTH, False),
    "AttachStdout": Field(TRUTH, False),
    "DetachKeys": Field(TEXT, ""),
    "Env": Field(TEXTS),
    "WorkingDir": Field(TEXT, ""),
    "Cmd": Field(Words()),
}


class Execs:
    """All execs that can still be asked for."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._known: dict[str, Exec] = {}

    def get(self, exec_id: str) -> Exec:
        """By id; those of a removed container are gone."""
        found = self._known.get(exec_id)
        if found is None:
            raise NotFound(f"No such exec instance: {exec_id}")
        return found

    def create(self, live: Live, body: Json) -> Exec:
        """Register; nothing runs yet."""
        state.require_executable(live.container)
        config = fields.complete(_FIELDS, body, "ExecOptions")
        command = list(config["Cmd"] or ())
        if not command:
            raise InvalidArgument("No exec command specified")
        if config["WorkingDir"] and not os.path.isabs(config["WorkingDir"]):
            raise InvalidArgument(
                f"the working directory '{config['WorkingDir']}' is invalid, it needs to be an absolute path"
            )
        made = Exec(secrets.token_hex(32), live, command, config)
        self._forget_old()
        self._known[made.id] = made
        live.execs[made.id] = made
        self._announce(made, f"exec_create: {_shown(command)}")
        return made

    def _forget_old(self) -> None:
        finished = [made.id for made in self._known.values() if made.done.is_set()]
        for exec_id in finished[: max(0, len(finished) - _KEPT)]:
            del self._known[exec_id]
        gone = [made.id for made in self._known.values() if self._room.registry.get(made.live.container.id) is None]
        for exec_id in gone:
            self._known.pop(exec_id, None)

    def _announce(self, made: Exec, action: str, attributes: dict[str, str] | None = None) -> None:
        self._room.announce(made.live.container, action, {"execID": made.id} | (attributes or {}))

    def open(self, made: Exec, *, size: Any = None) -> PumpStdio:
        """Claim an exec for starting and make its streams; a second claim is refused."""
        state.require_executable(made.live.container)
        if made.started:
            raise Conflict(
                f"exec {made.id} has already run" if made.done.is_set() else f"exec {made.id} is already running"
            )
        made.started = True
        if size:
            made.config["ConsoleSize"] = size
        container = made.live.container
        files = self._room.paths.container(container.id)
        os.makedirs(files.volatile, mode=0o700, exist_ok=True)
        names = Stdio(
            stdin=files.fifo(made.id, "stdin") if made.config["AttachStdin"] else "",
            stdout=files.fifo(made.id, "stdout"),
            stderr="" if made.tty else files.fifo(made.id, "stderr"),
            terminal=made.tty,
        )

        async def close_stdin() -> None:
            with contextlib.suppress(Fault):
                await self._room.supervisor.tasks.close_stdin(container.id, made.id)

        made.stdio = PumpStdio(names, stdin_once=True, close_stdin=close_stdin)
        made.stdio.open()
        return made.stdio

    async def run(self, made: Exec) -> None:
        """Start the process of an opened exec; a failure sets its exit code as dockerd does."""
        assert made.stdio is not None
        tasks, container = self._room.supervisor.tasks, made.live.container
        made.running = True
        self._announce(made, f"exec_start: {_shown(made.command)}")
        try:
            await tasks.exec(container.id, made.id, self._process(made), made.stdio.names)
            made.pid = await tasks.start(container.id, made.id)
            made.stdio.shim_has_opened()  # shims open an exec's FIFOs when it starts, not when it is registered
            made.launched.set()
        except Fault as fault:
            code, shown = launch_faults.translate(launch_faults.reworded(fault, ""))
            made.exit_code = 126 if code == 128 else code
            made.running = False
            made.done.set()
            made.stdio.close()
            made.live.execs.pop(made.id, None)
            with contextlib.suppress(Fault):
                await tasks.delete_process(container.id, made.id)
            raise shown from fault
        self._room.background.spawn(f"end of exec {made.id}", self._reap(made))

    def begin_in_shim(self, made: Exec) -> Json:
        """Claim an exec that the container's shim will run by itself; the process that it is to be."""
        state.require_executable(made.live.container)
        made.started = made.running = True
        self._announce(made, f"exec_start: {_shown(made.command)}")
        return self._process(made)

    def end_in_shim(self, made: Exec, status: int | None) -> None:
        """It has ended; None when it never ran."""
        made.live.execs.pop(made.id, None)
        made.running = False
        if status is not None:
            made.exit_code = status
            self._announce(made, "exec_die", {"exitCode": str(status)})
        made.done.set()

    async def settled(self, made: Exec) -> None:
        """Its output has ended: the exit, which clients ask for next, is at most a moment behind."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2):
                await made.done.wait()

    async def _reap(self, made: Exec) -> None:
        await made.done.wait()
        assert made.stdio is not None
        self._announce(made, "exec_die", {"exitCode": str(made.exit_code)})
        with contextlib.suppress(Fault):
            await self._room.supervisor.tasks.delete_process(made.live.container.id, made.id)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2):
                await made.stdio.drained()
        made.stdio.close()
        made.live.execs.pop(made.id, None)

    def _process(self, made: Exec) -> Json:
        container, config = made.live.container, made.config
        base = Inputs(container=container, host=self._room.host, policy=self._room.policy)
        user, home = self._user(made)
        names = list(self._room.host.capabilities) if config["Privileged"] else capability_names(base)
        done: Json = {
            "terminal": made.tty,
            "user": user.to_oci(),
            "args": made.command,
            "env": process.with_home(
                process.merge(
                    process.environment(
                        container.config["Env"],
                        hostname=container.config["Hostname"],
                        tty=made.tty,
                        links=links.environment(self._room, container),
                    ),
                    config["Env"] or (),
                ),
                home,
            ),
            "cwd": config["WorkingDir"] or container.config["WorkingDir"] or "/",
            "capabilities": process.capability_sets(names, user),
            "oomScoreAdj": container.host_config["OomScoreAdj"],
        }
        if profile := apparmor_profile(container, self._room.host, privileged=config["Privileged"]):
            done["apparmorProfile"] = profile
        if label := labelling.of(self._room, container).process:
            done["selinuxLabel"] = label
        limits = process.rlimits(container.host_config["Ulimits"], self._room.policy.ulimits)
        if limits:
            done["rlimits"] = limits
        if made.tty and config["ConsoleSize"] and all(config["ConsoleSize"]):
            height, width = config["ConsoleSize"]
            done["consoleSize"] = {"height": height, "width": width}
        return done

    def _user(self, made: Exec) -> tuple[process.User, str]:
        """Who it will be, and that user's home."""
        container = made.live.container
        try:
            root = os.open(f"/proc/{container.state.pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            raise Conflict(f"container {container.id} is not running") from None
        try:
            passwd, group = inputs.read_in_root(root, "etc/passwd"), inputs.read_in_root(root, "etc/group")
        finally:
            os.close(root)
        spec = made.config["User"] or container.config["User"]
        user = users.resolve(spec, container.host_config["GroupAdd"] or (), passwd, group)
        return user, users.home_of(user.uid, passwd)


def _shown(command: list[str]) -> str:
    """As events tell it: the program, a space, its arguments, also where there are none."""
    return f"{command[0]} {' '.join(command[1:])}"
