"""Signal every process of a cgroup, so that none escapes by forking meanwhile."""

import errno
import os

from lowrt.cgroup.files import CgroupError, write
from lowrt.linux.constants import SIGKILL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lowrt.cgroup.driver import CgroupDriver


def kill_v2(directory: str, driver: "CgroupDriver", signal: int) -> None:
    """cgroup.kill where it fits (SIGKILL, Linux 5.14); else by hand."""
    if signal == SIGKILL:
        try:
            write(directory, "cgroup.kill", "1")
        except CgroupError as error:
            if error.errno != errno.ENOENT or not os.path.isdir(directory):
                raise
        else:
            return
    kill_frozen(driver, signal)


def kill_frozen(driver: "CgroupDriver", signal: int) -> None:
    """Freeze, signal each, thaw: what is frozen cannot fork, and a pid in a frozen cgroup cannot be reused."""
    was_frozen = driver.is_frozen()
    try:
        driver.freeze()
    except CgroupError:
        pass  # without a freezer the best is to signal whom we see
    try:
        for pid in driver.all_pids():
            try:
                os.kill(pid, signal)
            except ProcessLookupError:
                pass
    finally:
        # A v1 process dies only once it is thawed; a container that was paused stays so under any other signal.
        if not was_frozen or signal == SIGKILL:
            driver.thaw()
