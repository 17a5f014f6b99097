"""The one table that says which verb may follow which state, and the words dockerd refuses the others with."""

from engine.containers.model import Container
from proto.errdefs import Conflict, Internal, NotModified

TRANSITIONS: dict[str, dict[str, str]] = {
    "created": {"start": "running", "fail": "created", "remove": "removing"},
    "running": {"pause": "paused", "exit": "exited", "restart": "restarting", "start": "running"},
    "paused": {"unpause": "running", "exit": "exited", "restart": "restarting"},
    "restarting": {"start": "running", "exit": "exited", "fail": "exited"},
    "exited": {"start": "running", "fail": "exited", "remove": "removing"},
    "removing": {"fail": "dead", "remove": "removing"},
    "dead": {"remove": "removing"},
}


def advance(container: Container, verb: str) -> None:
    """Move along the table; a verb that has no place there changes nothing and is refused."""
    status = container.state.status
    following = TRANSITIONS[status].get(verb)
    if following is None:
        raise Conflict(f"cannot {verb} container {container.id}: it is {status}")
    container.state.status = following


def require_startable(container: Container) -> None:
    """Refuse to start what runs, is paused, or is on its way out."""
    match container.state.status:
        case "paused":
            raise Conflict("cannot start a paused container, try unpause instead")
        case "running":
            raise NotModified(f"container {container.id} is already running")
        case "removing" | "dead":
            raise Conflict("container is marked for removal and cannot be started")


def require_running(container: Container, message: str = "") -> None:
    """Refuse unless the container runs (dockerd: 409, "container X is not running")."""
    if not container.state.alive:
        raise Conflict(message or f"container {container.id} is not running")


def require_executable(container: Container) -> None:
    """Refuse an exec in a container that does not run, is paused or restarts."""
    if container.state.status == "restarting":
        raise Conflict(f"Container {container.id} is restarting, wait until the container is running")
    if not container.state.running:
        raise Conflict(f"container {container.id} is not running")
    if container.state.status == "paused":
        raise Conflict(f"Container {container.name} is paused, unpause the container before exec")


def require_attachable(container: Container) -> None:
    """Refuse to attach to what is paused or restarting."""
    if container.state.status == "paused":
        raise Conflict(f"container {container.id} is paused, unpause the container before attach")
    if container.state.status == "restarting":
        raise Conflict(f"container {container.id} is restarting, wait until the container is running")


def require_removable(container: Container, *, force: bool) -> None:
    """Refuse to remove what runs, unless forced."""
    state = container.state
    if state.running and not force:
        if state.status == "paused":
            raise Conflict(
                f"cannot remove container {_shown(container)}: container is paused and must be unpaused first"
            )
        procedure = "stop the container before removing or force remove"
        raise Conflict(f"cannot remove container {_shown(container)}: container is {state.status}: {procedure}")


def require_pausable(container: Container) -> None:
    """Refuse to pause what does not run or is paused already."""
    state = container.state
    if not state.running:
        raise Conflict(f"container {container.id} is not running")
    if state.status == "paused":
        raise Conflict(f"Container {container.id} is already paused")
    if state.status == "restarting":
        raise Conflict(f"Container {container.id} is restarting, wait until the container is running")


def require_paused(container: Container) -> None:
    """Refuse to unpause what is not paused."""
    if container.state.status != "paused":
        raise Internal(f"Container {container.id} is not paused")  # 500, as with dockerd


def _shown(container: Container) -> str:
    return f'"{container.name}"'
