"""Signal every process of a cgroup, so that none escapes by forking meanwhile."""

import errno
import os

from lowrt.cgroup.files import CgroupError, write
from lowrt.linux.constants import SIGKILL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Freezable(Protocol):
        """What of a cgroup's driver a signal to all needs."""

        def is_frozen(self) -> bool: ...

        def freeze(self) -> None: ...

        def thaw(self) -> None: ...

        def all_pids(self) -> list[int]: ...


def kill_v2(directory: str, cgroup: "Freezable", signal: int) -> None:
    """cgroup.kill where it fits (SIGKILL, Linux 5.14); else by hand."""
    if signal == SIGKILL:
        try:
            write(directory, "cgroup.kill", "1")
        except CgroupError as error:
            if error.errno != errno.ENOENT or not os.path.isdir(directory):
                raise
        else:
            return
    kill_frozen(cgroup, signal)


def kill_frozen(cgroup: "Freezable", signal: int) -> None:
    """Freeze, signal each, thaw: what is frozen cannot fork, and a pid in a frozen cgroup cannot be reused."""
    was_frozen = cgroup.is_frozen()
    try:
        cgroup.freeze()
    except CgroupError:
        pass  # without a freezer the best is to signal whom we see
    try:
        for pid in cgroup.all_pids():
            try:
                os.kill(pid, signal)
            except ProcessLookupError:
                pass
    finally:
        # A v1 process dies only once it is thawed; a container that was paused stays so under any other signal.
        if not was_frozen or signal == SIGKILL:
            cgroup.thaw()
