"""The composition root: builds every object once, starts them in order, stops them in the other.

    start   lock → stores → bundles noted → events socket → API socket → READY → restore, zygote, collector
    stop    STOPPING → API → shims let go (their tasks run on) → events socket → background → database → lock

Requests are let in before the tasks are restored: whoever asks for a task that is still being looked for waits for
that one. SIGKILL at any point is the same to the next start as an orderly stop.
"""

import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import Iterable

from proto.errdefs import Fault
from supervisor import __version__
from supervisor.background import Background
from supervisor.config import Config
from supervisor.events.exchange import Exchange
from supervisor.lock import RootLock
from supervisor.log import set_up
from supervisor.metrics import containers, process
from supervisor.metrics.calls import Calls
from supervisor.metrics.exposition import Family
from supervisor.metrics.server import MetricsServer
from supervisor.paths import Paths
from supervisor.runtime.bootstrap import Daemon as DaemonFacts
from supervisor.runtime.bundle import BundleRoots
from supervisor.runtime.cleanup import Cleanup
from supervisor.runtime.info import RuntimeInfos
from supervisor.runtime.launcher import Launcher
from supervisor.runtime.monitor import TaskMonitor
from supervisor.runtime.programs import WHERRY, ShimPrograms
from supervisor.runtime.restore import Restore
from supervisor.runtime.sandboxes import Sandboxes
from supervisor.runtime.tasks import Tasks
from supervisor.runtime.zygote import Zygote, ZygoteUnavailable
from supervisor.server.debug import DebugServer, stacks
from supervisor.server.sockets import clear_address
from supervisor.server.ttrpc import TtrpcServer
from supervisor.servicers import build_server
from supervisor.stores import Stores
from supervisor.systemd import Notifier

logger = logging.getLogger(__name__)

_GRACE = 1.0  # seconds for calls under way; a Wait may last for days


class Runtime:
    """What runs tasks, and what keeps them company."""

    def __init__(
        self, config: Config, paths: Paths, stores: Stores, exchange: Exchange, background: Background
    ) -> None:
        facts = DaemonFacts(
            address=config.grpc.address,
            ttrpc_address=config.ttrpc_socket.address,
            binary=os.path.abspath(sys.argv[0]),
            version=__version__,
            log_level=config.log_level,
        )
        programs = ShimPrograms()
        self.zygote = _zygote(programs, background)
        launcher = Launcher(facts, self.zygote, config.shim_environment)
        self.launcher = launcher
        self.programs = programs
        self.monitor = TaskMonitor(exchange)
        bundles = BundleRoots(paths.bundles, paths.work)
        self.tasks = Tasks(bundles, programs, launcher, self.monitor, background, config.timeouts)
        sandbox_bundles = BundleRoots(paths.sandbox_bundles, paths.sandbox_work)
        self.sandboxes = Sandboxes(sandbox_bundles, programs, launcher, background, config.timeouts)
        cleanup = Cleanup(launcher, config.timeouts)
        self.restore = Restore(self.tasks, stores.containers, programs, cleanup, self.monitor, config.timeouts)


def _zygote(programs: ShimPrograms, background: Background) -> Zygote | None:
    try:
        return Zygote(programs.resolve(WHERRY), background)
    except Fault as fault:
        logger.info("no warm shims: %s", fault)
        return None


class Daemon:
    """One supervisor."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._paths = Paths(config.root, config.state)
        self._paths.create()
        self._lock = RootLock(self._paths.lock)
        self._background = Background()
        self._exchange = Exchange()
        self._stores = Stores(config, self._paths, self._exchange)
        self.runtime = Runtime(config, self._paths, self._stores, self._exchange, self._background)
        self._ttrpc = TtrpcServer(config.ttrpc_socket, self.runtime.monitor)
        self._debug = DebugServer(config.debug)
        info = RuntimeInfos(self.runtime.programs)
        self._calls = Calls()
        self._grpc = build_server(config, self._paths, self._stores, self._exchange, self.runtime, info, self._calls)
        self.metrics = MetricsServer(config.metrics_address, self._collect)

    async def start(self) -> None:
        """Up to the first request let in, and the rest set going."""
        if self._config.oom_score:
            with open("/proc/self/oom_score_adj", "w") as file:  # noqa: ASYNC230  (procfs does not block)
                file.write(str(self._config.oom_score))
        bundles = self.runtime.restore.begin()
        await self._ttrpc.start()
        self._grpc.listen(clear_address(self._config.grpc.address), self._config.grpc.uid, self._config.grpc.gid)
        await self._grpc.start()
        await self._debug.start()
        await self.metrics.start()
        self._background.start(self.runtime.sandboxes.restore(), "restore sandboxes")
        self._background.start(self.runtime.restore.run(bundles), "restore")
        self._background.start(self._stores.collector.serve(), "collector")
        if self.runtime.zygote is not None:
            try:
                self.runtime.zygote.start()
            except ZygoteUnavailable as error:
                logger.warning("shims start cold: %s", error)

    async def stop(self) -> None:
        """Everything but the tasks."""
        self._exchange.close()
        await self._grpc.stop(_GRACE)
        await self._debug.stop()
        await self.metrics.stop()
        await self.runtime.tasks.aclose()
        await self.runtime.sandboxes.aclose()
        await self._ttrpc.stop()
        if self.runtime.zygote is not None:
            self.runtime.zygote.close()
        await self._background.aclose()
        self._stores.close()
        self._lock.release()

    async def _collect(self) -> Iterable[Family]:
        answers = await containers.ask(self.runtime.tasks)
        return (*process.families(__version__, ""), *self._calls.families(), *containers.families(answers))


async def _serve(config: Config, began: float) -> None:
    notifier = Notifier.from_environment()
    if config.temp:
        os.makedirs(config.temp, mode=0o711, exist_ok=True)
        os.environ["TMPDIR"] = config.temp  # for our own temporary files and those of every program we start
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    loop.add_signal_handler(signal.SIGUSR1, lambda: logger.info("=== BEGIN stack dump ===\n%s", stacks()))
    logger.info(
        "starting wherry-supervisor", extra={"version": __version__, "root": config.root, "state": config.state}
    )
    for table in config.passed_over:
        logger.info("configuration without effect: this daemon has no such plugin", extra={"table": table})
    daemon = Daemon(config)
    try:
        await daemon.start()
        notifier.notify("READY=1")
        logger.info("serving", extra={"address": config.grpc.address})
        logger.info("successfully booted in %.6fs", time.monotonic() - began)
        await stopping.wait()
        notifier.notify("STOPPING=1")
        logger.info("stopping; tasks go on")
    finally:
        await daemon.stop()


def run(config: Config) -> int:
    """Run until SIGTERM or SIGINT; returns the exit code."""
    began = time.monotonic()
    set_up(config.log_level, config.log_format)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    try:
        asyncio.run(_serve(config, began))
    except (Fault, OSError) as error:
        sys.stderr.write(f"wherry-supervisor: {error}\n")
        return 1
    return 0
