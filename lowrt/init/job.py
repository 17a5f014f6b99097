"""All that a forked process needs to become the container's, gathered before the fork: after it nothing is looked up.

The child is a fork, not a new program: it finds these objects in its memory; no configuration travels through a pipe.
"""

from lowrt.init.execve import Program
from lowrt.init.identity import Identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from lowrt.init.intermediate import Join
    from lowrt.spec.model import Spec

    Json = dict[str, Any]


class Job:
    """One process to be made."""

    __slots__ = (
        "console_socket",
        "container_id",
        "enter_cgroup",
        "fifo_fd",
        "filter",
        "foreign_fds",
        "groups_allowed",
        "identity",
        "joins",
        "new_keyring",
        "no_pivot",
        "plan",
        "preserved",
        "proc_fd",
        "process",
        "program",
        "spec",
        "state",
        "stdio",
        "target_fd",
        "target_flags",
        "terminal",
    )

    def __init__(self, spec: "Spec", process: "Json", container_id: str) -> None:
        self.spec = spec
        self.process = process
        self.container_id = container_id
        self.identity = Identity(process)
        self.program = Program(process["args"], process.get("env") or ())
        self.terminal = bool(process.get("terminal"))
        self.console_socket = -1  # where the pty's master goes
        self.preserved = 0  # how many fds from 3 on are the container's
        self.enter_cgroup: Callable[[], None] | None = None  # what the child does first
        self.foreign_fds: list[int] = []  # open before us, and not the container's
        self.stdio: tuple[int, ...] = ()  # exec by a parent whose own 0 to 2 are not meant: what becomes them
        self.fifo_fd = -1
        self.proc_fd = -1  # the host's procfs: what an image calls /proc may be anything
        self.joins: list[Join] = []  # namespaces that the process enters itself
        self.target_fd = -1  # exec: the pidfd of the container's init, and what of it to join
        self.target_flags = 0
        self.groups_allowed = True
        self.new_keyring = True
        self.no_pivot = False
        self.plan: Any = None  # the rootfs, as rootfs.plan has it
        self.filter: Any = None  # compiled seccomp
        self.state: Json = {}  # for hooks that run in the container

    @property
    def no_new_privileges(self) -> bool:
        return self.identity.no_new_privileges
