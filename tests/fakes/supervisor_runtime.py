"""A whole runtime on fake shims, in a temporary folder."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from supervisor.background import Background
from supervisor.runtime.bundle import BundleRoots
from supervisor.runtime.cleanup import Cleanup, Timeouts
from supervisor.runtime.monitor import TaskMonitor
from supervisor.runtime.programs import ShimPrograms
from supervisor.runtime.tasks import CreateOptions, Tasks
from tests.fakes.supervisor_events import RecordingExchange
from tests.fakes.supervisor_shim import FakeLauncher

SPEC = b'{"ociVersion":"1.0.2"}'


@dataclass
class Runtime:
    """The parts a test looks at."""

    folder: Path
    launcher: FakeLauncher
    exchange: RecordingExchange
    monitor: TaskMonitor
    background: Background
    bundles: BundleRoots
    programs: ShimPrograms
    cleanup: Cleanup
    timeouts: Timeouts
    tasks: Tasks
    options: CreateOptions

    def left_over(self) -> list[str]:
        """What there is in the state and work folders of namespace `ns`."""
        folders = (self.folder / "state" / "ns", self.folder / "root" / "ns")
        return [str(path) for folder in folders if folder.exists() for path in folder.iterdir()]


def build(folder: Path, launcher: FakeLauncher | None = None) -> Runtime:
    """Build the runtime; a second one on the same folder is the daemon after a restart."""
    program = folder / "containerd-shim-fake-v2"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    launcher = launcher or FakeLauncher(folder)
    exchange = RecordingExchange()
    monitor = TaskMonitor(exchange)
    background = Background()
    bundles = BundleRoots(str(folder / "state"), str(folder / "root"))
    programs = ShimPrograms("", ())
    timeouts = Timeouts(load=1.0, cleanup=1.0, shutdown=1.0, state=1.0)
    tasks = Tasks(bundles, programs, launcher, monitor, background, timeouts)  # type: ignore[arg-type]
    cleanup = Cleanup(launcher, timeouts)  # type: ignore[arg-type]
    options = CreateOptions(runtime=str(program), spec=SPEC)
    return Runtime(
        folder, launcher, exchange, monitor, background, bundles, programs, cleanup, timeouts, tasks, options
    )


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Runtime]:
    """A runtime that is closed at the end, its shims with it."""
    runtime = build(folder)
    try:
        yield runtime
    finally:
        await runtime.tasks.aclose()
        await runtime.background.aclose()
        await runtime.launcher.close()
