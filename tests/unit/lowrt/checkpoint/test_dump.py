"""A checkpoint's way through criu, which a script plays."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lowrt.checkpoint import messages
from lowrt.checkpoint.dump import checkpoint
from lowrt.checkpoint.options import Options
from lowrt.container.container import Container
from lowrt.errors import Fault
from lowrt.spec.model import Spec
from tests.fakes.lowrt_containers import FakeCgroup, Stage, living_process
from tests.fakes.lowrt_criu import VERSION, FakeCriu

MEM_TRACK = {"type": "FEATURE_CHECK", "features": {"mem_track": True}}


class FrozenByV1(FakeCgroup):
    def paths(self) -> dict[str, str]:
        return {"freezer": "/sys/fs/cgroup/freezer/box"}


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


@pytest.fixture
def container(stage: Stage, tmp_path: Path) -> Iterator[Container]:
    (tmp_path / "rootfs").mkdir()
    document: dict[str, Any] = {
        "root": {"path": "rootfs"},
        "mounts": [{"destination": "/data", "source": "data", "options": ["bind"]}],
        "linux": {"maskedPaths": ["/dev/null"], "namespaces": [{"type": "pid"}]},
    }
    with living_process() as pid:
        container = stage.record(pid=pid, descriptors=["/dev/null", "pipe:[1]", "pipe:[2]"])
        container.adopt(FrozenByV1(), Spec(document, str(tmp_path)))  # type: ignore[arg-type]
        yield container


def options_for(tmp_path: Path, **flags: Any) -> Options:
    return Options(str(tmp_path / "image"), str(tmp_path / "work"), flags)


def test_the_container_is_dumped_with_what_comes_from_outside(
    criu: FakeCriu, stage: Stage, container: Container, tmp_path: Path
) -> None:
    criu.install(VERSION, {"type": "NOTIFY", "notify": {"script": "post-dump"}}, {"type": "DUMP"})
    checkpoint(stage.log, container, options_for(tmp_path, leave_running=True))
    asked = criu.requests()[1]
    assert asked["type"] == messages.DUMP
    told = asked["opts"]
    assert told["pid"] == container.pid
    assert told["root"] == f"{tmp_path}/rootfs"
    assert told["freeze_cgroup"] == "/sys/fs/cgroup/freezer/box"
    assert told["leave_running"] is True
    assert told["log_file"] == "dump.log"
    assert told["images_dir_fd"] != told["work_dir_fd"]
    assert {"key": "/data", "val": "/data"} in told["ext_mnt"]
    assert {"key": "/dev/null", "val": "/dev/null"} in told["ext_mnt"]
    assert json.loads((tmp_path / "image" / "descriptors.json").read_text()) == ["/dev/null", "pipe:[1]", "pipe:[2]"]
    assert (tmp_path / "work").is_dir()


def test_a_pre_dump_asks_for_memory_tracking_and_writes_no_descriptors(
    criu: FakeCriu, stage: Stage, container: Container, tmp_path: Path
) -> None:
    criu.install(VERSION, MEM_TRACK, {"type": "PRE_DUMP"}, code=1)
    options = options_for(tmp_path)
    options.pre_dump = True
    checkpoint(stage.log, container, options)
    assert [request["type"] for request in criu.requests()] == [
        messages.VERSION,
        messages.FEATURE_CHECK,
        messages.PRE_DUMP,
    ]
    assert "ext_mnt" not in criu.requests()[2]["opts"]
    assert list((tmp_path / "image").iterdir()) == []


def test_a_failure_points_at_criu_s_log(criu: FakeCriu, stage: Stage, container: Container, tmp_path: Path) -> None:
    criu.install(VERSION, {"type": "DUMP", "success": False, "cr_errno": 5})
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "dump.log").write_text("Error (cr-dump.c): no\n")
    with pytest.raises(Fault) as caught:
        checkpoint(stage.log, container, options_for(tmp_path))
    assert str(caught.value) == f"criu failed: type DUMP errno 5 (log file: {tmp_path}/work/dump.log)"
    assert ("warning", "1:Error (cr-dump.c): no") in stage.log.lines


def test_criu_s_exit_status_counts(criu: FakeCriu, stage: Stage, container: Container, tmp_path: Path) -> None:
    criu.install(VERSION, {"type": "DUMP"}, code=3)
    with pytest.raises(Fault, match="criu failed: exit status 3"):
        checkpoint(stage.log, container, options_for(tmp_path))


def test_whoever_waits_for_the_pages_is_told_by_the_status_fd(
    criu: FakeCriu, stage: Stage, container: Container, tmp_path: Path
) -> None:
    lazy = {"type": "FEATURE_CHECK", "features": {"lazy_pages": True}}
    criu.install(VERSION, lazy, {"type": "NOTIFY", "notify": {"script": "status-ready"}}, {"type": "DUMP"})
    reading, writing = os.pipe()
    options = options_for(tmp_path, lazy_pages=True)
    options.status_fd = writing
    checkpoint(stage.log, container, options)
    assert os.read(reading, 10) == b"\0"
    assert os.read(reading, 10) == b""  # and it is closed
    os.close(reading)


@pytest.mark.parametrize(("mode", "error"), [(os.O_RDONLY, "not writable"), (-1, "bad file descriptor")])
def test_a_status_fd_must_be_writable(
    criu: FakeCriu, stage: Stage, container: Container, tmp_path: Path, mode: int, error: str
) -> None:
    criu.install(VERSION)
    options = options_for(tmp_path, lazy_pages=True)
    options.status_fd = os.open("/dev/null", mode) if mode >= 0 else 987654
    with pytest.raises(Fault, match=f"invalid --status-fd argument {options.status_fd}: {error}"):
        checkpoint(stage.log, container, options)
    if mode >= 0:
        os.close(options.status_fd)
