"""Signalling a whole cgroup."""

import signal
import subprocess
from pathlib import Path

import pytest

from lowrt.cgroup import kill
from tests.fakes.lowrt_cgroup import RecordingCgroup

GONE = 2**22 + 1  # above the kernel's largest pid


def test_processes_are_frozen_signalled_and_thawed() -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        cgroup = RecordingCgroup([process.pid, GONE])
        kill.kill_frozen(cgroup, signal.SIGTERM)
        assert process.wait(5) == -signal.SIGTERM
    assert cgroup.calls == ["freeze", "all_pids", "thaw"]


@pytest.mark.parametrize(("number", "thawed"), [(signal.SIGKILL, True), (signal.SIGUSR1, False)])
def test_a_paused_container_stays_paused_unless_it_is_to_die(number: int, thawed: bool) -> None:
    cgroup = RecordingCgroup([GONE], frozen=True)
    kill.kill_frozen(cgroup, number)
    assert ("thaw" in cgroup.calls) is thawed


def test_without_a_freezer_signals_are_sent_all_the_same() -> None:
    cgroup = RecordingCgroup([GONE], freezes=False)
    kill.kill_frozen(cgroup, signal.SIGKILL)
    assert cgroup.calls == ["freeze", "all_pids", "thaw"]


def test_v2_kills_with_one_write_where_the_kernel_can(tmp_path: Path) -> None:
    (tmp_path / "cgroup.kill").touch()
    cgroup = RecordingCgroup([])
    kill.kill_v2(str(tmp_path), cgroup, signal.SIGKILL)
    assert (tmp_path / "cgroup.kill").read_text() == "1"
    assert cgroup.calls == []
    kill.kill_v2(str(tmp_path), cgroup, signal.SIGTERM)
    assert "freeze" in cgroup.calls
