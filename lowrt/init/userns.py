"""Id maps of a new user namespace, written from outside by the parent, or by newuidmap(1) where it has no right to."""

import os

from lowrt.errors import Fault, reason_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Json = dict[str, Any]


def format_map(mappings: "list[Json]") -> str:
    """The lines of /proc/<pid>/uid_map, user_namespaces(7)."""
    return "".join(f"{m.get('containerID', 0)} {m.get('hostID', 0)} {m.get('size', 0)}\n" for m in mappings)


def write_maps(pid: int, uid_mappings: "list[Json]", gid_mappings: "list[Json]") -> None:
    """Give the namespace of `pid` its maps."""
    if os.geteuid() != 0:
        _write_unprivileged(pid, uid_mappings, gid_mappings)
        return
    for kind, mappings in (("uid", uid_mappings), ("gid", gid_mappings)):
        if mappings:
            _write(pid, f"{kind}_map", format_map(mappings))


def _write_unprivileged(pid: int, uid_mappings: "list[Json]", gid_mappings: "list[Json]") -> None:
    if uid_mappings and not _run_tool("newuidmap", pid, uid_mappings):
        _write(pid, "uid_map", format_map(uid_mappings))
    if gid_mappings and not _run_tool("newgidmap", pid, gid_mappings):
        _write(pid, "setgroups", "deny")
        _write(pid, "gid_map", format_map(gid_mappings))


def keeps_groups(gid_mappings: "list[Json]") -> bool:
    """Whether processes in the namespace may set their groups: who maps his own id alone must forbid it."""
    return _tool("newgidmap", gid_mappings) is not None


def _tool(name: str, mappings: "list[Json]") -> "str | None":
    """The setuid helper that goes by /etc/subuid; None where only our own id is mapped, or it is missing."""
    from shutil import which

    return None if len(mappings) == 1 and mappings[0].get("size") == 1 else which(name)


def _run_tool(tool: str, pid: int, mappings: "list[Json]") -> bool:
    path = _tool(tool, mappings)
    if path is None:
        return False
    arguments = [tool, str(pid), *format_map(mappings).split()]
    status = os.waitpid(os.posix_spawn(path, arguments, os.environ), 0)[1]
    if status:
        raise Fault(f"failed to use {tool}: exit status {os.waitstatus_to_exitcode(status)}")
    return True


def _write(pid: int, name: str, text: str) -> None:
    try:
        with open(f"/proc/{pid}/{name}", "w") as file:
            file.write(text)
    except OSError as error:
        raise Fault(f"failed to update /proc/{pid}/{name}: {reason_of(error)}") from error
