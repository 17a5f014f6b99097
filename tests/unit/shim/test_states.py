"""The one table that decides, and its sentences."""

import pytest

from proto.errdefs import Fault
from shim import states
from shim.states import EXEC, INIT, State


@pytest.mark.parametrize(
    ("state", "verb", "leads_to"),
    [
        (State.CREATED, "start", State.RUNNING),
        (State.RUNNING, "pause", State.PAUSED),
        (State.PAUSED, "resume", State.RUNNING),
        (State.PAUSED, "exit", State.STOPPED),
        (State.STOPPED, "delete", State.DELETED),
        (State.CREATED, "delete", State.DELETED),
    ],
)
def test_what_is_allowed_leads_on(state: State, verb: str, leads_to: State) -> None:
    """The life of a first process."""
    assert states.after(INIT, state, verb) is leads_to


@pytest.mark.parametrize(
    ("state", "verb", "sentence"),
    [
        (State.RUNNING, "start", "cannot start a running process"),
        (State.RUNNING, "delete", "cannot delete a running process"),
        (State.RUNNING, "resume", "cannot resume a running process"),
        (State.PAUSED, "pause", "cannot pause a paused container"),
        (State.PAUSED, "start", "cannot start a paused process"),
        (State.PAUSED, "exec", "cannot exec in a paused state"),
        (State.STOPPED, "exec", "cannot exec in a stopped state"),
        (State.STOPPED, "update", "cannot update a stopped container"),
        (State.STOPPED, "start", "cannot start a stopped process"),
        (State.CREATED, "pause", "cannot pause task in created state"),
        (State.CREATED, "checkpoint", "cannot checkpoint a task in created state"),
    ],
)
def test_a_refusal_has_containerds_words(state: State, verb: str, sentence: str) -> None:
    """Its clients show them."""
    with pytest.raises(Fault) as refused:
        states.after(INIT, state, verb)
    assert str(refused.value) == sentence


def test_an_exec_cannot_be_paused_by_itself() -> None:
    """Its table is shorter."""
    with pytest.raises(Fault):
        states.after(EXEC, State.RUNNING, "pause")
