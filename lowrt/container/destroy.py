"""The end of a container: the kernel's part first, the state last, so that a second try still finds what is left."""

import errno
import os

from lowrt import hooks
from lowrt.cgroup.files import CgroupError
from lowrt.container.status import STOPPED
from lowrt.errors import Fault
from lowrt.linux import process
from lowrt.linux.constants import SIGKILL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lowrt.container.container import Container
    from lowrt.log import Log
    from lowrt.paths import StateDir

_PATIENCE = 10.0  # seconds that a killed init gets, as with runc


def kill_and_wait(container: "Container") -> None:
    """SIGKILL every process and wait until init is gone."""
    pidfd = -1
    try:
        pidfd = container.open_init()
    except Fault:
        pass  # it is gone already; others may be left in the cgroup
    try:
        if pidfd >= 0:
            process.pidfd_send_signal(pidfd, SIGKILL)
        _kill_all(container)
        if pidfd >= 0 and not process.wait_for_exit(pidfd, _PATIENCE):
            raise Fault("container init still running")
    finally:
        if pidfd >= 0:
            os.close(pidfd)


def _kill_all(container: "Container") -> None:
    if not container.cgroup.exists():
        return
    try:
        container.cgroup.kill(SIGKILL)
    except (CgroupError, OSError) as error:
        # Somebody removes it at this moment: its own `run`, which the end of its init has waked.
        if error.errno not in (errno.ENOENT, errno.ENODEV):
            raise


def destroy(container: "Container", log: "Log") -> None:
    """Remove the cgroup and the state of a container without processes, and run its poststop hooks."""
    poststop = container.late_hooks  # read while it is still there
    container.cgroup.destroy()
    take_down_mounts(container)
    remove_state(container.dir)
    for failure in hooks.run_each(poststop, hooks.POSTSTOP, container.oci_state(STOPPED)):
        log.warning(failure)


def take_down_mounts(container: "Container") -> None:
    """Those of a container that was made without a mount namespace, which would take them along."""
    if "mounts_before" in container.state:
        from lowrt.rootfs import host_mounts

        host_mounts.take_down(container.state["rootfs"], container.state["mounts_before"])


def remove_state(state_dir: "StateDir") -> None:
    """Remove the container's directory, and the one for its readiness in it. Somebody else may be at the same work.

    The state goes first, and the lock last: whoever is killed between them leaves what is no container any more, and
    not one that nobody can hold.
    """
    try:
        paths = [os.path.join(state_dir.path, name) for name in os.listdir(state_dir.path)]
        for path in sorted(paths, key=lambda path: (path != state_dir.state, path == state_dir.lock)):
            if path == state_dir.notify:
                _remove_notify(path)
            else:
                _unlink(path)
        os.rmdir(state_dir.path)
    except FileNotFoundError:
        return


def _remove_notify(folder: str) -> None:
    for name in os.listdir(folder):
        _unlink(os.path.join(folder, name))
    os.rmdir(folder)


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
