"""Restart policies."""

import pytest

from engine.containers import restart_policy as policy
from proto.errdefs import InvalidArgument


def test_after_an_exit() -> None:
    def wants(name: str, code: int = 1, restarts: int = 0, *, stopped: bool = False, limit: int = 0) -> bool:
        return policy.wants_restart(
            {"Name": name, "MaximumRetryCount": limit}, exit_code=code, restarts=restarts, manually_stopped=stopped
        )

    assert not wants("no")
    assert wants("always", 0)
    assert not wants("always", stopped=True)
    assert wants("on-failure")
    assert not wants("on-failure", 0)
    assert wants("on-failure", restarts=2, limit=3)
    assert not wants("on-failure", restarts=3, limit=3)


def test_when_the_engine_starts() -> None:
    def wants(name: str, code: int = 0, *, stopped: bool = False) -> bool:
        return policy.wants_start_at_boot({"Name": name}, exit_code=code, manually_stopped=stopped)

    assert wants("always", stopped=True)
    assert wants("unless-stopped")
    assert not wants("unless-stopped", stopped=True)
    assert wants("on-failure", 1)
    assert not wants("no", 1)


def test_delays_double_up_to_a_minute_and_begin_anew() -> None:
    assert policy.next_delay(0, 0) == 0.1
    assert policy.next_delay(0.1, 0) == 0.2
    assert policy.next_delay(50, 0) == 60
    assert policy.next_delay(50, 11) == 0.1


@pytest.mark.parametrize(
    "wrong",
    [{"Name": "foo"}, {"Name": "always", "MaximumRetryCount": 2}, {"Name": "on-failure", "MaximumRetryCount": -1}],
)
def test_what_is_no_policy(wrong: dict) -> None:
    with pytest.raises(InvalidArgument, match="invalid restart policy"):
        policy.check(wrong, auto_remove=False)
