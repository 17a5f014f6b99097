"""Hand the listener of a notifying filter to the agent at `listenerPath`, with the state the specification wants."""

from lowrt.errors import Fault, InvalidArgument, reason_of
from lowrt.jsontext import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Json = dict[str, Any]


def process_state(section: "Json", pid: int, state: "Json") -> "Json":
    """runtime-spec's ContainerProcessState."""
    document: Json = {"ociVersion": state.get("ociVersion") or "", "fds": ["seccompFd"], "pid": pid}
    if section.get("listenerMetadata"):
        document["metadata"] = section["listenerMetadata"]
    document["state"] = {**state, "pid": pid}  # it was written before there was a process
    return document


def send_listener(section: "Json", listener_fd: int, pid: int, state: "Json") -> None:
    """One message: the document, and the fd beside it."""
    path = section.get("listenerPath") or ""
    if not path:
        raise InvalidArgument("seccomp listenerPath is not set")
    import socket

    payload = dumps(process_state(section, pid, state)).encode()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.connect(path)
            socket.send_fds(connection, [payload], [listener_fd])
        except OSError as error:
            raise Fault(
                f"failed to connect with seccomp agent specified in the seccomp profile: {reason_of(error)}"
            ) from error
