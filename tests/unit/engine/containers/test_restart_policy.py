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


def test_an_unhealthy_end_counts_as_a_failure_where_the_policy_says_so() -> None:
    def wants(name: str, code: int, restarts: int = 0, *, unhealthy: bool, limit: int = 0) -> bool:
        given = {"Name": name, "MaximumRetryCount": limit}
        return policy.wants_restart(
            given, exit_code=code, restarts=restarts, manually_stopped=False, unhealthy=unhealthy
        )

    assert wants("on-unhealthy", 0, unhealthy=True)
    assert wants("on-unhealthy", 1, unhealthy=False)
    assert not wants("on-unhealthy", 0, unhealthy=False)
    assert not wants("on-unhealthy", 0, 2, unhealthy=True, limit=2)
    assert not wants("on-failure", 0, unhealthy=True)
    policy.check({"Name": "on-unhealthy", "MaximumRetryCount": 2}, auto_remove=False)


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


@pytest.mark.parametrize(
    ("policy_given", "words"),
    [
        (
            {"Name": "foo"},
            "invalid restart policy: unknown policy 'foo'; "
            "use one of 'no', 'always', 'on-failure', or 'unless-stopped'",
        ),
        (
            {"Name": "always", "MaximumRetryCount": 1},
            "invalid restart policy: maximum retry count can only be used with 'on-failure'",
        ),
        (
            {"Name": "no", "MaximumRetryCount": -1},
            "invalid restart policy: maximum retry count can only be used with 'on-failure' and cannot be negative",
        ),
        (
            {"Name": "on-failure", "MaximumRetryCount": -1},
            "invalid restart policy: maximum retry count cannot be negative",
        ),
    ],
)
def test_the_refusals_are_dockers_sentences(policy_given: dict, words: str) -> None:
    """ValidateRestartPolicy."""
    with pytest.raises(InvalidArgument) as caught:
        policy.check(policy_given, auto_remove=False)
    assert str(caught.value) == words


@pytest.mark.parametrize("name", ["always", "on-failure", "unless-stopped"])
def test_a_container_cannot_both_go_and_come_back(name: str) -> None:
    """--rm with any policy."""
    with pytest.raises(InvalidArgument, match="can't create 'AutoRemove' container with restart policy"):
        policy.check({"Name": name}, auto_remove=True)
    policy.check({"Name": "no"}, auto_remove=True)
    policy.check({}, auto_remove=True)


def test_the_delays_of_a_container_that_always_fails() -> None:
    """100 ms, doubled, never more than a minute."""
    delays, delay = [], 0.0
    for _ in range(13):
        delay = policy.next_delay(delay, 0.5)
        delays.append(delay)
    assert [round(delay, 1) for delay in delays] == [
        0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 60.0, 60.0, 60.0,
    ]  # fmt: skip


def test_a_manual_stop_is_the_last_word_until_the_engine_starts_again() -> None:
    """And then only "always" forgets it."""
    for name in ("always", "unless-stopped", "on-failure"):
        given = {"Name": name, "MaximumRetryCount": 0}
        assert not policy.wants_restart(given, exit_code=1, restarts=0, manually_stopped=True)
        assert policy.wants_start_at_boot(given, exit_code=1, manually_stopped=True) is (name == "always")
