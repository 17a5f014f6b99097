"""Pid 1's way from the fork to the user's program.

No Python module may be imported once the mount namespace is entered: see `freeze`.
"""

import os

from lowrt import hooks
from lowrt.container.status import CREATED, CREATING
from lowrt.errors import Fault, describe
from lowrt.init import child, fifo, sync
from lowrt.init.freeze import freeze_imports
from lowrt.init.intermediate import join_all
from lowrt.init.sync import Message
from lowrt.linux import constants as c
from lowrt.linux import hostname, netdev, prctl
from lowrt.linux.namespaces import unshare
from lowrt.rootfs import build

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lowrt.init.job import Job
    from lowrt.init.sync import Channel

    Json = dict[str, Any]

_HEAD = ("ociVersion", "id", "status", "pid")


def sequence(job: "Job", channel: "Channel") -> None:
    """Everything; ends in execve."""
    freeze_imports()
    child.begin(job, channel)
    _enter_namespaces(job)
    child.become_session_leader(job)
    if job.spec.has_new_namespace("network"):
        netdev.bring_up("lo")
    proc_fds = _change_root(job, channel)
    child.open_console(job, as_console=True)
    _set_names(job)
    build.finish(job.plan, proc_fds)
    file = child.finish(job, channel)
    channel.close()
    _wait_for_start(job)
    child.hand_over(file, job)


def _enter_namespaces(job: "Job") -> None:
    if job.spec.has_namespace("user"):
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)
        prctl.set_dumpable(False)  # changing ids put it back
    join_all(job.joins, with_pid=False)
    if job.spec.has_new_namespace("cgroup"):
        unshare(c.CLONE_NEWCGROUP)  # not before: its root is the cgroup that we were in when it was made


def _change_root(job: "Job", channel: "Channel") -> list[int]:
    """Mount the container's tree, let the hooks look at it, and enter it; procfs fds that are not the image's."""
    root = build.enter(job.plan)
    build.mount(job.plan, root)
    channel.ask(Message(sync.PREPARED))
    os.fchdir(root.fd)
    hooks.run_all(job.spec.hooks, hooks.CREATE_CONTAINER, _state(job, CREATING))
    proc_fds = build.switch(job.plan, root, no_pivot=job.no_pivot)
    _make_directory(job.identity.cwd)
    return proc_fds


def _make_directory(cwd: str) -> None:
    """An image need not have its working directory; here no link can lead out any more."""
    try:
        os.makedirs(cwd, 0o755, exist_ok=True)
    except OSError:
        return  # chdir will say it in its own words


def _state(job: "Job", status: str) -> "Json":
    """The state document as it is seen from in here."""
    head = {key: job.state[key] for key in ("ociVersion", "id")}
    return {**head, "status": status, "pid": os.getpid(), **{k: v for k, v in job.state.items() if k not in _HEAD}}


def _set_names(job: "Job") -> None:
    if job.spec.hostname:
        hostname.sethostname(job.spec.hostname)
    if job.spec.domainname:
        hostname.setdomainname(job.spec.domainname)


def _wait_for_start(job: "Job") -> None:
    fifo.wait(job.fifo_fd, job.proc_fd)
    try:
        hooks.run_all(job.spec.hooks, hooks.START_CONTAINER, _state(job, CREATED))
    except Fault as error:
        os.write(2, describe(error).encode() + b"\n")
        os._exit(1)
