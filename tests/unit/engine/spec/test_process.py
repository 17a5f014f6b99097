"""Environment, limits, capabilities of a process."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.spec import process
from engine.spec.process import User


def test_the_environment_begins_with_path_and_hostname() -> None:
    done = process.environment(["PATH=/x", "A=1"], hostname="h", tty=False)
    assert done == ["PATH=/x", "HOSTNAME=h", "A=1"]


def test_a_bare_name_removes() -> None:
    assert process.merge(["A=1", "B=2"], ["A", "C=3"]) == ["B=2", "C=3"]


def test_the_daemons_limits_apply_where_the_container_names_none() -> None:
    defaults = {"nofile": {"Name": "nofile", "Soft": 1, "Hard": 2}, "core": {"Name": "core", "Soft": 0, "Hard": -1}}
    done = process.rlimits([{"Name": "nofile", "Soft": 5, "Hard": 6}], defaults)
    assert {"type": "RLIMIT_NOFILE", "soft": 5, "hard": 6} in done
    assert {"type": "RLIMIT_CORE", "soft": 0, "hard": (1 << 64) - 1} in done


def test_inheritable_stays_empty() -> None:
    assert "inheritable" not in process.capability_sets(["CAP_KILL"], User())


def test_a_value_may_hold_anything() -> None:
    """Also further equals signs and line feeds."""
    assert process.merge([], ["A=b=c", "B=", "C=x\ny"]) == ["A=b=c", "B=", "C=x\ny"]


def test_the_default_path_may_be_replaced_and_removed() -> None:
    """`-e PATH` without a value leaves the program none."""
    assert process.environment(["PATH"], hostname="", tty=False) == []
    assert process.environment(["HOSTNAME=mine"], hostname="h", tty=False)[1:] == ["HOSTNAME=mine"]


def test_a_terminal_is_an_xterm() -> None:
    """Unless the container says otherwise."""
    assert process.environment(None, hostname="h", tty=True)[1:] == ["HOSTNAME=h", "TERM=xterm"]
    assert process.environment(["TERM=dumb"], hostname="h", tty=True)[1:] == ["HOSTNAME=h", "TERM=dumb"]


@given(st.lists(st.from_regex(r"[A-C]=[a-z]{0,2}", fullmatch=True)))
def test_the_last_value_of_a_name_wins_and_each_name_is_there_once(entries: list[str]) -> None:
    """At the place where the name came first."""
    done = process.merge([], entries)
    names = [entry.partition("=")[0] for entry in done]
    assert names == list(dict.fromkeys(entry.partition("=")[0] for entry in entries))
    assert dict(entry.split("=") for entry in done) == dict(entry.split("=") for entry in entries)


def test_limits_have_the_kernels_names_and_no_limit_is_the_largest_number() -> None:
    """-1 in Docker's words."""
    assert process.rlimits([{"Name": "nofile", "Soft": 1024, "Hard": -1}], {}) == [
        {"type": "RLIMIT_NOFILE", "soft": 1024, "hard": 18446744073709551615}
    ]
    assert process.rlimits(None, {}) == []


@pytest.mark.parametrize(
    ("user", "groups"), [(User(0, 0), [0]), (User(33, 34), [34]), (User(33, 34, (10, 34)), [34, 10])]
)
def test_the_primary_group_is_one_of_the_supplementary_ones(user: User, groups: list[int]) -> None:
    """CVE-2022-36109: else a file that is closed to the group is open to its member."""
    assert user.to_oci()["additionalGids"] == groups


def test_root_has_them_all_and_others_a_bound() -> None:
    """Capabilities of a user who is not root come by execve(2) of a file that has them."""
    names = ["CAP_CHOWN", "CAP_KILL"]
    assert process.capability_sets(names, User()) == {"bounding": names, "effective": names, "permitted": names}
    assert process.capability_sets(names, User(1)) == {"bounding": names}


@pytest.mark.parametrize("given", ["HOME=/x", "HOME="])
def test_a_home_that_is_set_stays_and_else_it_comes_last(given: str) -> None:
    """An empty one is the runtime's to replace, as ever."""
    assert process.with_home(["A=b", given], "/root") == ["A=b", given]
    assert process.with_home(["A=b"], "/root") == ["A=b", "HOME=/root"]
