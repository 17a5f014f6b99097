"""What a container may be, and what each verb may do to it then: one table, and runc's sentence for every refusal."""

from lowrt.errors import (
    FailedPrecondition,
    Fault,
    container_not_paused,
    container_not_running,
)

CREATING, CREATED, RUNNING, PAUSED, STOPPED = "creating", "created", "running", "paused", "stopped"

# verb → the states it may find the container in
ALLOWED = {
    "start": (CREATED,),
    "exec": (CREATED, RUNNING),
    "pause": (CREATED, RUNNING),
    "resume": (PAUSED,),
    "update": (CREATING, CREATED, RUNNING, PAUSED),
    "kill": (CREATING, CREATED, RUNNING, PAUSED),
    "delete": (CREATED, STOPPED),
    "events": (CREATED, RUNNING, PAUSED),
    "checkpoint": (RUNNING, PAUSED),
}


def check(verb: str, status: str, container_id: str) -> None:
    """Raise the verb's refusal unless it is allowed in that state."""
    if status not in ALLOWED[verb]:
        raise refusal(verb, status, container_id)


def refusal(verb: str, status: str, container_id: str) -> Fault:
    """Why the verb is refused, in runc's words."""
    if verb == "start":
        reasons = {
            STOPPED: "cannot start a container that has stopped",
            RUNNING: "cannot start an already running container",
        }
        return FailedPrecondition(reasons.get(status, f"cannot start a container in the {status} state"))
    if verb == "exec":
        if status == PAUSED:
            return FailedPrecondition("cannot exec in a paused container (use --ignore-paused to override)")
        return FailedPrecondition(f"cannot exec in a {status} container")
    if verb == "resume":
        return container_not_paused()
    if verb == "delete":
        return FailedPrecondition(f"cannot delete container {container_id} that is not stopped: {status}")
    if verb == "checkpoint":
        return FailedPrecondition(f"Container cannot be checkpointed in {status} state")
    if verb == "events":
        return FailedPrecondition(f"container with id {container_id} is not running")
    return container_not_running()
