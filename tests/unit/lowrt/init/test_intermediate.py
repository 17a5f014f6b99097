"""When a process in between is needed."""

import os

import pytest

from lowrt.errors import Fault
from lowrt.init import intermediate
from lowrt.init.intermediate import Join, is_needed, join_all
from lowrt.linux import constants as c


@pytest.mark.parametrize(
    ("new", "joins", "needed"),
    [
        (c.CLONE_NEWPID | c.CLONE_NEWNET, [], False),
        (c.CLONE_NEWPID, [("network", 5)], False),
        (c.CLONE_NEWNS, [("pid", 5)], False),
        (c.CLONE_NEWUSER, [], True),
        (c.CLONE_NEWTIME, [], True),
        (0, [("user", 5)], True),
        (0, [("time", 5)], True),
    ],
)
def test_only_where_something_must_come_before_the_clone(new: int, joins: list[Join], needed: bool) -> None:
    assert is_needed(new, joins) is needed


def test_a_plain_fork_needs_no_rights() -> None:
    pid, pidfd = intermediate.fork_directly(0, [], -1)
    if pid == 0:
        os._exit(5)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 5
    os.close(pidfd)


def test_init_by_an_intermediate_is_our_own_child() -> None:
    pid, pidfd = intermediate.fork_by_intermediate(0, [], None, lambda: None)
    if pid == 0:
        os._exit(6)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 6
    os.close(pidfd)


def test_what_fails_in_between_is_told() -> None:
    def refuse() -> None:
        raise Fault("no room in the cgroup")

    with pytest.raises(Fault, match="no room in the cgroup"):
        intermediate.fork_by_intermediate(0, [], None, refuse)


def test_a_pid_namespace_is_joined_by_forking_alone() -> None:
    join_all([("pid", -1)], with_pid=False)
