"""The engine comes first: a machine full of containers' work is when it must be able to list, stop and kill them.

Everything that an engine starts competes with it for the same processors: hundreds of shims and containers that begin
at once, or one that computes. With everybody's priority it waits for its turn among them, half a second and more
with two hundred starts on two processors. Its own work is little, and ends.

A priority counts among those of a group: the kernel groups tasks by session (autogroup) where they have no cgroup of
their own, as those of systemd's units have: the unit says CPUWeight= for these. What it starts does not inherit it.
"""

import contextlib
import os
from collections.abc import Iterator

NICE = -5  # three times everybody's share


def prefer() -> None:
    """Take it for this thread and those it starts from now on; not where somebody has chosen one, or may not."""
    if os.getpriority(os.PRIO_PROCESS, 0) != 0:
        return
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, NICE)
        if os.getsid(0) == os.getpid():  # a shell's session is not ours to prefer
            _prefer_session()


def _prefer_session() -> None:
    with contextlib.suppress(OSError), open("/proc/self/autogroup", "w") as file:  # a kernel without
        file.write(str(NICE))


@contextlib.contextmanager
def as_everybody() -> Iterator[None]:
    """What is started here has the priority that we would have without ours."""
    before = os.getpriority(os.PRIO_PROCESS, 0)
    if before != NICE:
        yield
        return
    os.setpriority(os.PRIO_PROCESS, 0, 0)
    try:
        yield
    finally:
        with contextlib.suppress(PermissionError):  # the right to it was given up meanwhile
            os.setpriority(os.PRIO_PROCESS, 0, NICE)
