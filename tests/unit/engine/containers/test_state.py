"""The table of states."""

import pytest

from engine.containers import state
from proto.errdefs import Conflict, NotModified
from tests.fakes.engine_room import container


def in_state(status: str) -> object:
    made = container()
    made.state.status = status
    return made


def test_a_refused_verb_changes_nothing_and_names_both() -> None:
    made = container()
    with pytest.raises(Conflict, match=r"cannot pause container .*: it is created"):
        state.advance(made, "pause")
    assert made.state.status == "created"


def test_a_life() -> None:
    made = container()
    for verb, status in (
        ("start", "running"),
        ("pause", "paused"),
        ("unpause", "running"),
        ("restart", "restarting"),
        ("start", "running"),
        ("exit", "exited"),
        ("remove", "removing"),
    ):
        state.advance(made, verb)
        assert made.state.status == status


def test_every_transition_leads_somewhere_known() -> None:
    for verbs in state.TRANSITIONS.values():
        assert set(verbs.values()) <= set(state.TRANSITIONS)


def test_requirements() -> None:
    with pytest.raises(NotModified):
        state.require_startable(in_state("running"))  # type: ignore[arg-type]
    with pytest.raises(Conflict, match="marked for removal"):
        state.require_startable(in_state("dead"))  # type: ignore[arg-type]
    with pytest.raises(Conflict, match="is restarting"):
        state.require_attachable(in_state("restarting"))  # type: ignore[arg-type]
    with pytest.raises(Conflict, match="must be unpaused first"):
        state.require_removable(in_state("paused"), force=False)  # type: ignore[arg-type]
    state.require_removable(in_state("paused"), force=True)  # type: ignore[arg-type]
