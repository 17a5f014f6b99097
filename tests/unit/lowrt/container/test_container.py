"""A recorded container, against what the kernel says."""

import fcntl
import os
import signal
from pathlib import Path

import pytest

from lowrt.container.container import Container
from lowrt.errors import FailedPrecondition, InvalidArgument, NotFound
from tests.fakes.lowrt_containers import CONFIG, FakeCgroup, Stage, living_process


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def test_an_unknown_container_is_not_found(stage: Stage) -> None:
    with pytest.raises(NotFound, match="container does not exist"):
        Container.load(str(stage.root), "c1")


def test_a_bad_id_never_reaches_the_file_system(stage: Stage) -> None:
    with pytest.raises(InvalidArgument):
        Container.load(str(stage.root), "../c1")


def test_a_dead_init_is_stopped(stage: Stage) -> None:
    assert stage.record(pid=1 << 22, init={"pid": 1 << 22, "start_time": 5}).status() == "stopped"


def test_a_pid_that_was_taken_by_another_is_stopped(stage: Stage) -> None:
    with living_process() as pid:
        container = stage.record(init={"pid": pid, "start_time": 1})
        assert container.status() == "stopped"
        with pytest.raises(FailedPrecondition, match="container not running"):
            container.open_init()


def test_the_fifo_tells_created_from_running(stage: Stage) -> None:
    with living_process() as pid:
        assert stage.record("c1", pid=pid, created=True).status() == "created"
        assert stage.record("c2", pid=pid).status() == "running"


def test_a_frozen_cgroup_is_paused(stage: Stage) -> None:
    with living_process() as pid:
        assert stage.adopt(stage.record(pid=pid), FakeCgroup(frozen=True)).status() == "paused"


def test_without_a_pid_the_lock_tells_creating_from_given_up(stage: Stage) -> None:
    container = stage.record()
    assert container.status() == "stopped"
    fd = os.open(container.dir.lock, os.O_RDWR)
    fcntl.flock(fd, fcntl.LOCK_EX)
    assert container.status() == "creating"
    os.close(fd)


def test_a_signal_reaches_init(stage: Stage) -> None:
    with living_process() as pid:
        stage.record(pid=pid).signal(signal.SIGTERM)
        assert os.waitpid(pid, 0)[1] == signal.SIGTERM


def test_sigkill_goes_to_all_where_pids_are_shared(stage: Stage) -> None:
    with living_process() as pid:
        cgroup = FakeCgroup()
        stage.adopt(stage.record(pid=pid, private_pids=False), cgroup).signal(signal.SIGKILL)
        assert ("kill", signal.SIGKILL) in cgroup.calls


def test_sigkill_thaws_what_could_not_die_frozen(stage: Stage) -> None:
    with living_process() as pid:
        cgroup = FakeCgroup(frozen=True)
        stage.adopt(stage.record(pid=pid), cgroup).signal(signal.SIGKILL)
        assert ("thaw",) in cgroup.calls


def test_signals_to_a_stopped_container_are_refused(stage: Stage) -> None:
    container = stage.adopt(stage.record(), FakeCgroup(present=False))
    for send in (container.signal, container.signal_all):
        with pytest.raises(FailedPrecondition, match="container not running"):
            send(signal.SIGTERM)


def test_the_documents_have_runcs_keys_in_order(stage: Stage) -> None:
    with living_process() as pid:
        container = stage.record(pid=pid, annotations={"a": "b"})
        document = container.runc_state()
        assert list(document) == [
            "ociVersion", "id", "pid", "status", "bundle", "rootfs", "created", "annotations", "owner",
        ]  # fmt: skip
        assert document["pid"] == pid
        assert list(container.oci_state("running")) == ["ociVersion", "id", "status", "pid", "bundle", "annotations"]
    assert "pid" not in stage.record("c2").oci_state("stopped")
    assert stage.record("c3").runc_state()["pid"] == 0


def test_the_configuration_is_the_one_kept_at_create(stage: Stage) -> None:
    assert stage.record().spec.process["args"] == ["sh"]


def test_hooks_come_from_the_record_and_from_the_configuration_where_there_is_none(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks = {"poststop": [{"path": "/bin/true"}]}
    monkeypatch.setitem(CONFIG, "hooks", hooks)
    assert stage.record("old").late_hooks == hooks
    assert stage.record("new", hooks={}).late_hooks == {}
