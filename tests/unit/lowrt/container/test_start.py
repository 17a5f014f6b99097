"""start: the fifo's other end."""

import os
import threading
from pathlib import Path

import pytest

from lowrt.container.start import start
from lowrt.errors import FailedPrecondition
from lowrt.init import fifo
from tests.fakes.lowrt_containers import CONFIG, FakeCgroup, Stage, living_process


def test_it_releases_init_once(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    with living_process() as pid:
        container = stage.adopt(stage.record(pid=pid), FakeCgroup())
        os.close(fifo.make(container.dir.exec_fifo))
        init = threading.Thread(target=lambda: Path(container.dir.exec_fifo).write_bytes(b"0"))
        init.start()
        start(container)
        init.join(10)
        assert container.status() == "running"
        with pytest.raises(FailedPrecondition, match="cannot start an already running container"):
            start(container)


def test_a_failing_poststart_hook_kills_the_container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CONFIG, "hooks", {"poststart": [{"path": "/nonexistent"}]})
    stage = Stage(tmp_path)
    with living_process() as pid:
        container = stage.adopt(stage.record(pid=pid), FakeCgroup())
        os.close(fifo.make(container.dir.exec_fifo))
        init = threading.Thread(target=lambda: Path(container.dir.exec_fifo).write_bytes(b"0"))
        init.start()
        with pytest.raises(Exception, match="error running hook #0"):
            start(container)
        init.join(10)
        assert os.waitpid(pid, 0)[1] == 9


def test_a_stopped_container_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FailedPrecondition, match="cannot start a container that has stopped"):
        start(Stage(tmp_path).record())
