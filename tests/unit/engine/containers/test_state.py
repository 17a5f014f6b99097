"""The table of states."""

import pytest

from engine.containers import state
from proto.errdefs import Conflict, Internal, NotModified
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


STATES = tuple(state.TRANSITIONS)
VERBS = sorted({verb for verbs in state.TRANSITIONS.values() for verb in verbs})


@pytest.mark.parametrize("status", STATES)
@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_moves_along_the_table_or_changes_nothing(status: str, verb: str) -> None:
    """All pairs."""
    made = in_state(status)
    following = state.TRANSITIONS[status].get(verb)
    if following is None:
        with pytest.raises(Conflict, match=f"cannot {verb} container .*: it is {status}"):
            state.advance(made, verb)  # type: ignore[arg-type]
    else:
        state.advance(made, verb)  # type: ignore[arg-type]
    assert made.state.status == (following or status)  # type: ignore[attr-defined]


def test_a_container_on_its_way_out_comes_not_back() -> None:
    """Removing ends in nothing or in dead."""
    reached, todo = set(), ["removing"]
    while todo:
        for following in state.TRANSITIONS[todo.pop()].values():
            if following not in reached:
                reached.add(following)
                todo.append(following)
    assert reached == {"removing", "dead"}


ALLOWED = {
    "require_startable": {"created", "exited", "restarting"},
    "require_running": {"running", "paused"},
    "require_executable": {"running"},
    "require_attachable": {"created", "running", "exited", "removing", "dead"},
    "require_pausable": {"running"},
    "require_paused": {"paused"},
}


@pytest.mark.parametrize("name", ALLOWED)
@pytest.mark.parametrize("status", STATES)
def test_each_requirement_in_each_state(name: str, status: str) -> None:
    """Refusals are conflicts, but for what is so already, and for dockerd's 500 of what is not paused."""
    require = getattr(state, name)
    if status in ALLOWED[name]:
        require(in_state(status))
        return
    refusal = Internal if name == "require_paused" else (Conflict, NotModified)
    with pytest.raises(refusal) as caught:
        require(in_state(status))
    assert isinstance(caught.value, NotModified) is (name == "require_startable" and status == "running")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (
            "running",
            'cannot remove container "web": container is running: stop the container before removing or force remove',
        ),
        ("paused", 'cannot remove container "web": container is paused and must be unpaused first'),
        (
            "restarting",
            'cannot remove container "web": container is restarting: '
            "stop the container before removing or force remove",
        ),
    ],
)
def test_what_runs_is_not_removed(status: str, words: str) -> None:
    """dockerd's sentences; force is another matter."""
    with pytest.raises(Conflict) as caught:
        state.require_removable(in_state(status), force=False)  # type: ignore[arg-type]
    assert str(caught.value) == words
    state.require_removable(in_state(status), force=True)  # type: ignore[arg-type]


def test_a_message_of_the_callers_own() -> None:
    """Kill says it otherwise than exec."""
    with pytest.raises(Conflict, match=r"^cannot kill container: web$"):
        state.require_running(in_state("exited"), "cannot kill container: web")  # type: ignore[arg-type]
