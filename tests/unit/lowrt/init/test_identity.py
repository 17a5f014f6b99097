"""Who a process will be, from its document."""

import os
from pathlib import Path

import pytest

from lowrt.errors import Fault, InvalidArgument
from lowrt.init.identity import Identity, _signed, check_groups, fix_stdio_owner, set_rlimits, setgroups_allowed


def test_an_empty_document_is_root_without_capabilities() -> None:
    identity = Identity({})
    assert (identity.uid, identity.gid, identity.groups, identity.cwd) == (0, 0, [], "/")
    assert not any(identity.capabilities.values())
    assert identity.umask is None


@pytest.mark.parametrize("user", [{"uid": 1 << 31}, {"gid": (1 << 32) - 1}, {"uid": -1}, {"additionalGids": [1 << 32]}])
def test_ids_that_would_wrap_are_refused(user: dict[str, object]) -> None:
    with pytest.raises(InvalidArgument, match="uids and gids must be in range 0-2147483647"):
        Identity({"user": user})


def test_capabilities_become_bits_and_unknown_ones_are_kept_by_name() -> None:
    identity = Identity({"capabilities": {"effective": ["CAP_KILL", "CAP_NOPE"], "bounding": ["CAP_NOPE"]}})
    assert identity.capabilities["effective"] == 1 << 5
    assert identity.unknown == ["CAP_NOPE"]


def test_limits_become_numbers() -> None:
    document = {"rlimits": [{"type": "RLIMIT_NOFILE", "soft": 1, "hard": (1 << 64) - 1}]}
    assert Identity(document).rlimits == [(7, 1, (1 << 64) - 1)]
    assert _signed((1 << 64) - 1) == -1


def test_an_unknown_limit_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="wrong rlimit value"):
        Identity({"rlimits": [{"type": "RLIMIT_BOGUS"}]})


def test_an_impossible_limit_is_told_in_runcs_words() -> None:
    words = "error setting rlimits for ready process: error setting rlimit type 7: "
    with pytest.raises(Fault, match=words):
        set_rlimits(os.getpid(), [(7, 10, 5)])


def test_groups_may_be_set_in_the_initial_namespace() -> None:
    """Or in whichever the tests run, if its maker could allow it."""
    assert setgroups_allowed(os.getpid()) == (Path("/proc/self/setgroups").read_text() == "allow\n")


def test_groups_that_cannot_be_set_are_refused_to_users() -> None:
    identity = Identity({"user": {"additionalGids": [5]}})
    check_groups(identity, allowed=True)
    check_groups(Identity({}), allowed=False)
    if os.geteuid() == 0:
        check_groups(identity, allowed=False)
    else:
        with pytest.raises(Fault, match="cannot set any additional groups in a rootless container"):
            check_groups(identity, allowed=False)


def test_stdio_that_is_ours_already_is_left_alone() -> None:
    fix_stdio_owner(os.getuid())
