"""A container: its first process, its execs, and what may be done to them.

Everything that changes the first process goes through one lock; each exec has its own. The exit of the first process is
announced last: after every exec's, when whatever it left behind without a pid namespace of its own was killed.
"""

import asyncio
import json
import logging
import os
import shutil
from collections.abc import Coroutine
from typing import Any

from proto.errdefs import AlreadyExists, FailedPrecondition, Fault, NotFound
from proto.failpoints import reached
from shim import rootfs, runtime_argv, runtime_errors
from shim.events import Events
from shim.exit_record import write_exit
from shim.oom import OomWatcher
from shim.options import write_options
from shim.paths import Bundle, write_atomically
from shim.process import ExecProcess, InitProcess, Process
from shim.reaper import Exit, Reaper, Watcher
from shim.requests import CheckpointSpec, CreateSpec
from shim.runtime import Launcher, Runtime
from shim.runtime_argv import RuntimeSettings
from shim.runtime_errors import RuntimeFailure
from shim.spawn import find_runtime
from shim.states import State
from shim.stdio import StdioHost, StdioSpec

logger = logging.getLogger(__name__)

_SIGKILL = 9


class Host:
    """What every container of this shim shares."""

    __slots__ = ("events", "launcher", "namespace", "oom", "reaper", "tasks")

    def __init__(
        self,
        namespace: str,
        reaper: Reaper,
        launcher: Launcher,
        events: Events,
        oom: OomWatcher,
        tasks: set[asyncio.Task[Any]],
    ) -> None:
        self.namespace = namespace
        self.reaper = reaper
        self.launcher = launcher
        self.events = events
        self.oom = oom
        self.tasks = tasks  # work that outlives the request it came from

    def spawn(self, work: Coroutine[None, None, None], name: str) -> None:
        """Run something to its end, whoever waits for it or not."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)


class Container:
    """One container. Every method raises Fault."""

    def __init__(self, spec: CreateSpec, host: Host) -> None:
        self.id = spec.id
        self.bundle = Bundle(spec.bundle)
        self.cgroups = ""  # the first process's /proc/PID/cgroup
        self.execs: dict[str, ExecProcess] = {}
        self._spec = spec
        self._host = host
        self._lock = asyncio.Lock()
        self._running_execs = 0
        self._execs_gone = asyncio.Event()
        self._execs_gone.set()
        self._init_exit: Exit | None = None
        settings = RuntimeSettings(
            find_runtime(spec.options.binary_name),
            spec.options.runtime_root(host.namespace),
            spec.options.systemd_cgroup,
        )
        self._runtime = Runtime(settings, self.bundle.runtime_log, host.launcher, host.reaper)
        init_host = self._stdio_host(spec.id)
        init_host.probes = lambda connection: host.launcher.probes(settings, spec.id, self.init.pid, connection)
        self.init: InitProcess = InitProcess(spec.stdio, init_host, self.bundle, spec.options)

    async def create(self) -> None:
        """Mount the tree and make the first process; after a failure nothing of it is left."""
        spec = self._spec
        reached("shim.create.asked")
        write_options(self.bundle.options, spec.options)
        write_atomically(self.bundle.runtime, spec.options.binary_name.encode(), 0o600)
        if spec.mounts:
            os.makedirs(self.bundle.rootfs, mode=0o711, exist_ok=True)
            rootfs.mount_all(spec.mounts, self.bundle.rootfs)
            reached("shim.create.mounted")
        try:
            if spec.checkpoint:
                await self.init.prepare()
                self._host.events.created(spec, 0)
            else:
                with self._host.reaper.expects():
                    await self.init.create(self._runtime)
                    reached("shim.create.made")
                    self._made()
        except BaseException as error:
            self._unmount_after(error)
            raise

    async def start(self, exec_id: str) -> int:
        """Let the first process or an exec run; its pid."""
        if exec_id:
            return await self._start_exec(self._exec(exec_id))
        async with self._lock:
            self.init.allows("start")
            self.init.announcing = True
            try:
                await self._start_init()
            finally:
                self._announced(self.init)
        return self.init.pid

    async def delete(self, exec_id: str) -> Process:
        """Forget a process that has ended (or never ran)."""
        if exec_id:
            return await self._delete_exec(self._exec(exec_id))
        async with self._lock:
            self.init.allows("delete")
            reached("shim.delete.asked")
            failed = await self.init.delete(self._runtime)
            reached("shim.delete.deleted")
            try:
                if self._spec.mounts:
                    rootfs.unmount_all(self.bundle.rootfs)
                    reached("shim.delete.unmounted")
            except OSError as error:
                failed = failed or Fault(f"failed rootfs umount: {error}")
            if failed is not None:
                raise failed
            self.init.enter("delete")
            self._host.oom.forget(self.id)
            for process in self.execs.values():
                await process.delete()
        return self.init

    def add_exec(self, exec_id: str, document: bytes, stdio: StdioSpec) -> None:
        """Register an exec."""
        if exec_id in self.execs:
            raise AlreadyExists(f"id {exec_id}")
        self.init.allows("exec")
        reached("shim.exec.asked")
        self.execs[exec_id] = ExecProcess(exec_id, document, stdio, self._stdio_host(exec_id), self.bundle)
        reached("shim.exec.added")
        self._host.events.exec_added(self.id, exec_id)

    async def kill(self, exec_id: str, signal: int, everyone: bool) -> None:
        """Send a signal."""
        if exec_id:
            self._exec(exec_id).kill(signal)
            return
        if self.init.exit is not None and not everyone:
            raise NotFound("process already finished")
        try:
            reached("shim.kill.asked")
            await self._runtime.kill(self.id, signal, everyone=everyone)
            reached("shim.kill.sent")
        except RuntimeFailure as error:
            raise runtime_errors.kill_fault(error) from error

    async def pause(self) -> None:
        """Freeze every process."""
        async with self._lock:
            self.init.allows("pause")
            await self._call(self._runtime.pause(self.id), "OCI runtime pause failed")
            self.init.enter("pause")
        self._host.events.paused(self.id)

    async def resume(self) -> None:
        """Let them go on."""
        async with self._lock:
            self.init.allows("resume")
            await self._call(self._runtime.resume(self.id), "OCI runtime resume failed")
            self.init.enter("resume")
        self._host.events.resumed(self.id)

    async def update(self, resources: bytes) -> None:
        """Change the resource limits; `resources` is the OCI document."""
        async with self._lock:
            self.init.allows("update")
            await self._call(self._runtime.update(self.id, resources), "OCI runtime update failed")

    async def checkpoint(self, spec: CheckpointSpec) -> None:
        """Write the processes' state to an image; CRIU's log stays in the bundle when that fails."""
        work = spec.work or os.path.join(self.bundle.work, "criu-work")
        words = runtime_argv.checkpoint(
            self.id,
            spec.image,
            work,
            leave_running=not spec.exit,
            flags=spec.flags,
            empty_namespaces=spec.empty_namespaces,
            parent=spec.parent,
        )
        async with self._lock:
            self.init.allows("checkpoint")
            try:
                await self._call(self._runtime.checkpoint(words), "OCI runtime checkpoint failed")
            except Fault as fault:
                raise self._with_dump_log(fault, work) from fault
            finally:
                if not spec.work:
                    shutil.rmtree(work, ignore_errors=True)
        self._host.events.checkpointed(self.id, spec.image)

    def _with_dump_log(self, fault: Fault, work: str) -> Fault:
        """The fault as containerd's shim words it: its first line, and where the log is now."""
        try:
            shutil.copyfile(os.path.join(work, "dump.log"), self.bundle.dump_log)
        except OSError as error:  # CRIU never came so far
            logger.error("failed to copy dump.log to criu-dump.log: %s", error, extra={"id": self.id})
            return fault
        return type(fault)(f"{str(fault).partition(chr(10))[0]} path= {self.bundle.dump_log}")

    async def pids(self) -> list[tuple[int, str]]:
        """Every process, with the exec id of those that have one."""
        try:
            found = await self._runtime.ps(self.id)
        except RuntimeFailure as error:
            raise runtime_errors.fault(error, "OCI runtime ps failed") from error
        names = {process.pid: name for name, process in self.execs.items() if process.pid}
        return [(pid, names.get(pid, "")) for pid in found]

    def process(self, exec_id: str) -> Process:
        """The first process, or an exec."""
        return self._exec(exec_id) if exec_id else self.init

    def resize(self, exec_id: str, width: int, height: int) -> None:
        """Set a pty's size."""
        process = self.process(exec_id)
        if exec_id and process.state is State.STOPPED:
            raise Fault("cannot resize a stopped container")
        process.resize(width, height)

    def state_of(self, process: Process) -> State:
        """A process's state: a frozen container's execs are frozen, too."""
        if process is not self.init and self.init.state is State.PAUSED:
            return State.PAUSED
        return process.state

    def _made(self) -> None:
        """The first process is there: say so, then attend to it."""
        self._host.events.created(self._spec, self.init.pid)
        self._attend()

    def _attend(self) -> None:
        """Listen for the first process's end, and for its memory running out."""
        try:
            with open(f"/proc/{self.init.pid}/cgroup", encoding="utf-8") as file:
                self.cgroups = file.read()
        except OSError:
            self.cgroups = ""  # gone already
        self._host.oom.watch(self.id, self.cgroups)
        self._host.reaper.watch(self.init.pid, self._exited(self.init))

    async def _start_init(self) -> None:
        if self._spec.checkpoint:
            with self._host.reaper.expects():
                await self.init.restore(self._runtime, self._spec.checkpoint, self._spec.parent_checkpoint)
                self._attend()
        else:
            try:
                reached("shim.start.asked")
                await self._runtime.start(self.id)
                reached("shim.start.running")
            except RuntimeFailure as error:
                raise runtime_errors.start_fault(error, "OCI runtime start failed") from error
        self.init.start_input()
        self.init.enter("start")
        self._host.events.started(self.id, self.init.pid)

    async def _start_exec(self, process: ExecProcess) -> int:
        async with process.lock:
            process.allows("start")
            if self._init_exit is not None:
                raise FailedPrecondition(f"container {self.id} init process is not running")
            self._exec_began()
            process.announcing = True
            try:
                with self._host.reaper.expects():
                    await process.start(self._runtime, self.id)
                    reached("shim.exec.started")
                    self._host.reaper.watch(process.pid, self._exited(process))
                process.enter("start")
                self._host.events.exec_started(self.id, process.id, process.pid)
            except BaseException:
                self._exec_over()
                raise
            finally:
                self._announced(process)
        return process.pid

    async def _delete_exec(self, process: ExecProcess) -> Process:
        async with process.lock:
            process.allows("delete")
            await process.delete()
            process.enter("delete")
            self.execs.pop(process.id, None)
        return process

    def _exited(self, process: Process) -> Watcher:
        def watcher(exit_: Exit) -> None:
            if process.announcing:
                process.held_exit = exit_
            else:
                self._exit(process, exit_)

        return watcher

    def _announced(self, process: Process) -> None:
        process.announcing = False
        held, process.held_exit = process.held_exit, None
        if held is not None:
            self._exit(process, held)

    def _exit(self, process: Process, exit_: Exit) -> None:
        if process is self.init:
            self._init_exit = exit_
            self._host.spawn(self._init_ended(exit_), f"exit of {self.id}")
            return
        process.ended(exit_)
        self._host.events.exited(self.id, process.id, exit_)
        self._exec_over()

    async def _init_ended(self, exit_: Exit) -> None:
        if self._shares_pid_namespace():
            try:
                await self._runtime.kill(self.id, _SIGKILL, everyone=True)
            except RuntimeFailure as error:
                logger.error("failed to kill init's children: %s", error, extra={"id": self.id})
        await self._execs_gone.wait()
        try:
            reached("shim.exit.reaped")
            write_exit(self.bundle.exit_record, exit_.pid, exit_.status, exit_.at)
            reached("shim.exit.recorded")
        except OSError as error:
            logger.error("cannot record the exit: %s", error, extra={"id": self.id})
        self.init.ended(exit_)
        self._host.events.exited(self.id, self.id, exit_)

    def _shares_pid_namespace(self) -> bool:
        """Without a pid namespace of its own the kernel kills nothing when the first process ends."""
        try:
            with open(self.bundle.config, encoding="utf-8") as file:
                spec = json.load(file)
        except (OSError, ValueError) as error:
            logger.error("cannot read the spec: %s", error, extra={"id": self.id})
            return True
        namespaces = (spec.get("linux") or {}).get("namespaces") or []
        return not any(entry.get("type") == "pid" and not entry.get("path") for entry in namespaces)

    def _exec_began(self) -> None:
        self._running_execs += 1
        self._execs_gone.clear()

    def _exec_over(self) -> None:
        self._running_execs -= 1
        if self._running_execs == 0:
            self._execs_gone.set()

    def _exec(self, exec_id: str) -> ExecProcess:
        try:
            return self.execs[exec_id]
        except KeyError:
            raise NotFound(f"process does not exist {exec_id}") from None

    async def _call(self, call: Coroutine[None, None, None], what: str) -> None:
        try:
            await call
        except RuntimeFailure as error:
            raise runtime_errors.fault(error, what) from error

    def _stdio_host(self, process_id: str) -> StdioHost:
        options = self._spec.options
        # crun before 1.9 changes the owner of whatever it gets as stdio.
        keep_null = os.path.basename(options.binary_name).startswith("crun")
        reaper = self._host.reaper
        return StdioHost(process_id, self._host.namespace, reaper, options.io_uid, options.io_gid, keep_null=keep_null)

    def _unmount_after(self, error: BaseException) -> None:
        if self._spec.mounts:
            try:
                rootfs.unmount_all(self.bundle.rootfs)
            except OSError as second:
                error.add_note(f"and its tree could not be unmounted: {second}")
