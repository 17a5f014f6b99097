"""What a process may be asked in which state: the one table that decides, and the sentences of a refusal.

The words are those of containerd's shim, since its clients show them.
"""

from enum import Enum

from proto.errdefs import Fault


class State(Enum):
    """A process's state; the value is its name in messages."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    DELETED = "deleted"


CREATED, RUNNING, PAUSED, STOPPED, DELETED = State

Table = dict[State, dict[str, State]]

INIT: Table = {
    CREATED: {"start": RUNNING, "exec": CREATED, "update": CREATED, "exit": STOPPED, "delete": DELETED},
    RUNNING: {"pause": PAUSED, "exec": RUNNING, "update": RUNNING, "checkpoint": RUNNING, "exit": STOPPED},
    PAUSED: {"resume": RUNNING, "update": PAUSED, "checkpoint": PAUSED, "exit": STOPPED},
    STOPPED: {"delete": DELETED},
    DELETED: {},
}

EXEC: Table = {
    CREATED: {"start": RUNNING, "exit": STOPPED, "delete": DELETED},
    RUNNING: {"exit": STOPPED},
    STOPPED: {"delete": DELETED},
    DELETED: {},
}

_TASK_VERBS = {"pause", "resume", "checkpoint"}  # in the created state the text says "task"
_CONTAINER_VERBS = {"pause", "resume", "checkpoint", "update"}


def after(table: Table, state: State, verb: str) -> State:
    """The state that a verb leads to; raises Fault when it is refused."""
    try:
        return table[state][verb]
    except KeyError:
        raise Fault(refusal(state, verb)) from None


def refusal(state: State, verb: str) -> str:
    """Why a verb cannot be, in one sentence."""
    if verb == "exec":
        return f"cannot exec in a {state.value} state"
    if state is CREATED and verb in _TASK_VERBS:
        article = "a " if verb == "checkpoint" else ""
        return f"cannot {verb} {article}task in created state"
    noun = "container" if verb in _CONTAINER_VERBS and state is not RUNNING else "process"
    return f"cannot {verb} a {state.value} {noun}"
