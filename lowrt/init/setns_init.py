"""An exec'd process's way from the fork into the container and to its program."""

import os

from lowrt.init import child
from lowrt.init.freeze import freeze_imports
from lowrt.linux import constants as c
from lowrt.linux import prctl, process
from lowrt.linux.namespaces import setns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lowrt.init.job import Job
    from lowrt.init.sync import Channel


def sequence(job: "Job", channel: "Channel") -> None:
    """Everything; ends in execve."""
    freeze_imports()
    if job.stdio:
        _leave_the_caller(job, channel)
    child.begin(job, channel)
    if not job.spec.has_namespace("mount"):
        _enter_root(job)
    if job.target_flags & ~c.CLONE_NEWPID:
        setns(job.target_fd, job.target_flags & ~c.CLONE_NEWPID)
    if job.spec.has_namespace("user"):
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)
        prctl.set_dumpable(False)
    child.become_session_leader(job)
    child.open_console(job, as_console=False)
    file = child.finish(job, channel)
    channel.close()
    child.hand_over(file, job)


def _enter_root(job: "Job") -> None:
    """Without a mount namespace nothing but chroot(2) keeps the container from the host's tree."""
    root = os.open(f"{job.state['pid']}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=job.proc_fd)
    process.pidfd_send_signal(job.target_fd, 0)  # it was init's, and no later process's of that number
    os.fchdir(root)
    os.chroot(".")


def _leave_the_caller(job: "Job", channel: "Channel") -> None:
    """Of a parent that lives on, keep the streams that it gives, and what the way in takes."""
    for target, fd in enumerate(job.stdio):
        os.dup2(fd, target)
    process.close_all_but([channel.fileno(), job.target_fd, job.proc_fd, job.console_socket])
