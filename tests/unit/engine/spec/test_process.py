"""Environment, limits, capabilities of a process."""

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
