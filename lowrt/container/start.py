"""Let a created container's init go on to its program."""

import os

from lowrt import hooks
from lowrt.container import status
from lowrt.errors import Fault
from lowrt.init import fifo
from lowrt.linux import process
from lowrt.linux.constants import SIGKILL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lowrt.container.container import Container


def start(container: "Container") -> None:
    """Release init and run the poststart hooks; the caller holds the container's lock."""
    status.check("start", container.status(), container.id)
    pidfd = container.open_init()
    try:
        fifo.release(container.dir.exec_fifo, pidfd)
        try:
            hooks.run_all(container.late_hooks, hooks.POSTSTART, container.oci_state(status.RUNNING))
        except Fault:
            process.pidfd_send_signal(pidfd, SIGKILL)
            raise
    finally:
        os.close(pidfd)
