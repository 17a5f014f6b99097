"""A supervisor with busybox in it: one per test module, or one of its own for a test that kills it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.images import busybox_archive
from tests.supervisor_process import Supervisor

BUSYBOX = "docker.io/library/busybox:latest"


@pytest.fixture(scope="session")
def busybox_tar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return busybox_archive(tmp_path_factory.mktemp("images") / "busybox.tar")


@pytest.fixture(scope="module")
def supervisor(tmp_path_factory: pytest.TempPathFactory, busybox_tar: Path) -> Iterator[Supervisor]:
    """Shared by a module's tests: each gives its containers names of their own."""
    with Supervisor(tmp_path_factory.mktemp("s")) as started:
        started.ctr("images", "import", str(busybox_tar))
        yield started


@pytest.fixture
def own_supervisor(tmp_path_factory: pytest.TempPathFactory, busybox_tar: Path) -> Iterator[Callable[..., Supervisor]]:
    """Makes a supervisor for one test alone; the arguments are flags."""
    with ExitStack() as stack:

        def make(*flags: str) -> Supervisor:
            started = stack.enter_context(Supervisor(tmp_path_factory.mktemp("o"), *flags))
            started.ctr("images", "import", str(busybox_tar))
            return started

        yield make
