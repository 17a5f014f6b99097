"""What an engine stands on: its pid file, its sockets, and signals that wait."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from engine import ground
from engine.config import Config
from proto.errdefs import InvalidArgument


def config(folder: Path, **changes: object) -> Config:
    """With somebody else's supervisor."""
    known = {
        "data_root": str(folder / "d"),
        "exec_root": str(folder / "e"),
        "pidfile": str(folder / "pid"),
        "hosts": (f"unix://{folder}/s",),
        "containerd": "/nobody",
        "group": str(os.getgid()),
        "oom_score_adjust": 0,
    }
    return Config(**{**known, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("before", ["999999999", "1", "no number"])
def test_a_pid_file_of_nobodys_is_taken_over_and_removed(tmp_path: Path, before: str) -> None:
    """Pid 1 is no engine."""
    (tmp_path / "pid").write_text(before)
    with ground.laid(config(tmp_path)) as base:
        assert (tmp_path / "pid").read_text() == str(os.getpid())
        base.sockets[0][0].close()
    ground.heard()
    assert not (tmp_path / "pid").exists()


def test_an_engine_that_runs_keeps_its_pid_file(tmp_path: Path) -> None:
    words = [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()", "wherryd"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()  # it is that program now, and not yet us
        (tmp_path / "pid").write_text(str(other.pid))
        with (
            pytest.raises(SystemExit, match=f"process with PID {other.pid} is still running"),
            ground.laid(config(tmp_path)),
        ):
            raise AssertionError
        assert (tmp_path / "pid").read_text() == str(other.pid)
        other.communicate()


def test_an_address_that_cannot_be_had_leaves_no_pid_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="invalid protocol"), ground.laid(config(tmp_path, hosts=("ftp://x",))):
        raise AssertionError
    assert not (tmp_path / "pid").exists()


def test_a_signal_waits_until_somebody_hears(tmp_path: Path) -> None:
    got: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _frame: got.append(number))
    try:
        with ground.laid(config(tmp_path)) as base:
            base.sockets[0][0].close()
            # To this thread: an earlier test may have left one that would take it.
            signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
            assert got == []
            ground.heard()
            assert got == [signal.SIGTERM]
    finally:
        ground.heard()
        signal.signal(signal.SIGTERM, before)
