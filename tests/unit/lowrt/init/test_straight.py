"""Which processes go the straight way, what they call there, how the parent hears where it led. Nothing is entered."""

import os
import subprocess
from typing import Any

import pytest

from lowrt.init import straight
from lowrt.init.job import Job
from lowrt.init.parent import Forked
from lowrt.linux import constants as c
from lowrt.seccomp.compile import CompiledFilter
from lowrt.spec.model import Spec
from tests.fakes.lowrt_containers import FakeCgroup

Json = dict[str, Any]


class Cgroup(FakeCgroup):
    def __init__(self, driver: str = "v1") -> None:
        super().__init__()
        self.driver = driver

    def to_state(self) -> Json:
        return {"driver": self.driver}

    def paths(self) -> dict[str, str]:
        return {"cpu": "/c/cpu,cpuacct/x", "cpuacct": "/c/cpu,cpuacct/x", "pids": "/c/pids/x", "": "/c/unified/x"}


def job(linux: Json | None = None, **changes: Any) -> Job:
    document = {"args": ["x"], "cwd": "/w", "user": {"uid": 3, "gid": 4}, **changes}
    made = Job(Spec({"process": document, "linux": linux or {}}, "/bundle"), document, "c1")
    made.new_keyring = False
    return made


def planned(made: Job, driver: str = "v1") -> straight.Plan | None:
    return straight.plan(made, Cgroup(driver))  # type: ignore[arg-type]


def values(calls: list[Any]) -> list[tuple[Any, ...]]:
    """The arguments, without the function and as plain values."""
    return [tuple(getattr(argument, "value", argument) for argument in call[1:]) for call in calls]


def test_a_common_process_goes_it() -> None:
    for driver in ("v1", "v2"):
        assert planned(job(), driver) is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"terminal": True},
        {"apparmorProfile": "x"},
        {"selinuxLabel": "x"},
        {"scheduler": {"policy": "SCHED_BATCH"}},
        {"ioPriority": {"class": "IOPRIO_CLASS_IDLE"}},
        {"execCPUAffinity": {"final": "0"}},
        {"linux": {"personality": {"domain": "LINUX32"}}},
        {"linux": {"memoryPolicy": {"mode": "MPOL_DEFAULT"}}},
        {"linux": {"namespaces": [{"type": "user"}]}},
    ],
)
def test_what_is_not_common_does_not(changes: Json) -> None:
    assert planned(job(**changes)) is None


def test_a_filter_that_notifies_does_not_and_neither_does_systemds_cgroup() -> None:
    made = job()
    made.filter = CompiledFilter(b"\0" * 8, 1 << 3)
    assert planned(made) is None
    assert planned(job(), "systemd") is None


def test_each_hierarchy_is_entered_once_and_the_unified_one_not_at_all() -> None:
    found = planned(job())
    assert found is not None
    assert found.cgroups == [b"/c/cpu,cpuacct/x/tasks", b"/c/pids/x/tasks"]


def test_a_filter_comes_last_where_privileges_are_given_up_first() -> None:
    for no_new_privileges, within, bounded in ((False, 2, 0), (True, 2, 1)):
        made = job(noNewPrivileges=no_new_privileges)
        made.filter = CompiledFilter(b"\0" * 8, 0)
        found = planned(made)
        assert found is not None
        assert (len(found.within), len(found.bounded)) == (within, bounded)


def test_the_user_is_taken_on_in_the_order_that_rights_allow() -> None:
    found = planned(job(capabilities={"bounding": ["CAP_KILL"], "effective": ["CAP_KILL"], "permitted": ["CAP_KILL"]}))
    assert found is not None
    calls = values(found.user)
    assert calls[0] == (b"/w",)
    assert (c.PR_CAPBSET_DROP, 5) not in [call[:2] for call in calls]
    names = [call for call in calls if call[:1] in ((3,), (4,)) or call[:2] in ((8, 1), (8, 0), (47, 4))]
    assert names == [(8, 1, 0, 0, 0), (4,), (3,), (8, 0, 0, 0, 0), (47, 4, 0, 0, 0)]


def test_every_fd_but_those_that_are_needed_is_closed() -> None:
    ranges = [call[1:3] for call in values(straight._closing((7, 4, 5)))]
    assert ranges == [(3, 3), (6, 6), (8, 0xFFFFFFFF)]
    assert [call[1:3] for call in values(straight._closing((3,)))] == [(4, 0xFFFFFFFF)]


def test_streams_are_given_to_the_user_but_for_the_hosts_null() -> None:
    found = planned(job(user={"uid": os.getuid() + 1, "gid": 0}))
    assert found is not None
    null = os.open(os.devnull, os.O_RDWR)
    reading, writing = os.pipe()
    assert [call[0] for call in values(straight._owners(found, (null, writing, writing)))] == [1, 2]
    for fd in (null, reading, writing):
        os.close(fd)


@pytest.mark.parametrize(("word", "error"), [(b"g", None), (b"n", straight.Astray), (b"", straight.Astray)])
def test_the_parent_hears_where_the_way_led(word: bytes, error: type[Exception] | None) -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        forked = Forked(child.pid, os.pidfd_open(child.pid))
        reading, writing = os.pipe()
        os.write(writing, word)
        os.close(writing)
        way = straight.Straight(reading)
        way.release()
        assert way.fileno() == reading
        if error is None:
            assert way.advance(forked)
        else:
            with pytest.raises(error):
                way.advance(forked)
        way.close()
        forked.close()
        child.kill()
