"""What init and an exec'd process do alike: the first steps after the fork, and the last before execve(2)."""

import os

from lowrt.errors import Fault, describe, reason_of
from lowrt.init import console, execve, identity, memory_policy, scheduling, sync
from lowrt.init.sync import Message
from lowrt.linux import keyring, prctl, process
from lowrt.linux.constants import SIGKILL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from lowrt.init.job import Job
    from lowrt.init.sync import Channel


def run(job: "Job", channel: "Channel", sequence: "Callable[[Job, Channel], None]") -> "NoReturn":
    """Run one of the sequences in the forked child, which never returns into the parent's code."""
    try:
        sequence(job, channel)
    except sync.ParentGone:
        os._exit(1)
    except BaseException as error:
        _report(channel, error)
    os._exit(1)


def _report(channel: "Channel", error: BaseException) -> None:
    """Tell the parent, or, once it has gone its way, whoever reads the container's stderr."""
    if isinstance(error, (Fault, OSError)):
        text = describe(error)
    else:
        text = f"internal error: {type(error).__name__}: {error}{_place(error)}"
    try:
        channel.send(Message(sync.ERROR, text, getattr(error, "code", "")))
    except OSError:
        os.write(2, text.encode(errors="backslashreplace") + b"\n")


def _place(error: BaseException) -> str:
    """File and line where it happened: a traceback's formatting would read the source files."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f" ({os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno})"


def begin(job: "Job", channel: "Channel") -> None:
    """Let go of everything that the fork gave us, and wait until the parent has put us into the cgroup."""
    prctl.set_name("lowrt:init")
    prctl.set_parent_death_signal(SIGKILL)
    # A created container must not hold the lock, the log, or the pipes of a warm parent.
    for fd in job.foreign_fds:
        process.close(fd)
    if job.enter_cgroup is not None:
        job.enter_cgroup()
    process.reset_signals()
    channel.await_proceed()
    prctl.set_dumpable(False)  # again: our parent had to leave it out where it is not root


def become_session_leader(job: "Job") -> None:
    """A session and a session keyring of our own."""
    os.setsid()
    if not job.new_keyring:
        return
    if job.process.get("selinuxLabel"):
        _set_attribute(job, "keycreate", job.process["selinuxLabel"], "unable to set the keyring's label")
    try:
        ring = keyring.join_session_keyring(f"_ses.{job.container_id}")
        keyring.allow_search_by_user(ring)
    except OSError as error:
        raise Fault(f"unable to join session keyring: {describe(error)}") from error


def open_console(job: "Job", *, as_console: bool) -> None:
    """Attach the terminal, if the process wants one."""
    if job.terminal:
        console.attach(job.console_socket, job.process.get("consoleSize"), as_console=as_console)
        job.console_socket = -1


def finish(job: "Job", channel: "Channel") -> bytes:
    """Become the process's user, in the order that rights allow; the file to execute."""
    warn = _warner(channel)
    identity_ = job.identity
    if identity_.no_new_privileges:
        prctl.set_no_new_privs()
    if identity_.umask is not None:
        os.umask(identity_.umask)
    scheduling.apply(job.process, job.spec.linux.get("personality"))
    memory_policy.apply(job.spec.linux.get("memoryPolicy"))
    channel.ask(Message(sync.READY))
    prctl.set_parent_death_signal(0)  # from here on the container is on record and may outlive its maker
    _set_labels(job)
    # Without no_new_privs a filter is a privileged thing to load; with it, it comes last, to meet as few of our calls.
    if not identity_.no_new_privileges:
        _install_filter(job, channel)
    job.program.set_default_home(home_of(identity_.uid))
    identity.become(identity_, groups_allowed=job.groups_allowed, warn=warn)
    file = execve.look_up(job.program)
    if identity_.no_new_privileges:
        _install_filter(job, channel)
    return file


def _warner(channel: "Channel") -> "Callable[[str], None]":
    return lambda text: channel.send(Message(sync.WARNING, text))


def _install_filter(job: "Job", channel: "Channel") -> None:
    if job.filter is None:
        return
    from lowrt.seccomp.install import install  # the parent has loaded it with the filter

    listener = install(job.filter)
    if listener >= 0:
        channel.ask(Message(sync.SECCOMP, number=listener))
        os.close(listener)


def _set_labels(job: "Job") -> None:
    """AppArmor and SELinux: the label that execve will give."""
    profile, label = job.process.get("apparmorProfile"), job.process.get("selinuxLabel")
    if profile:
        why = "unable to apply apparmor profile: apparmor failed to apply profile"
        # Its own file, where the kernel has one: the other belongs to whichever of several modules is the first.
        name = "apparmor/exec" if _has_attribute(job, "apparmor") else "exec"
        _set_attribute(job, name, f"exec {profile}", why)
    if label:
        _set_attribute(job, "exec", label, "can't set process label")


def _has_attribute(job: "Job", name: str) -> bool:
    try:
        os.stat(f"self/attr/{name}", dir_fd=job.proc_fd)
    except FileNotFoundError:
        return False
    return True


def _set_attribute(job: "Job", name: str, text: str, why: str) -> None:
    """Written through the host's procfs: what an image calls /proc may be anything (CVE-2019-16884)."""
    try:
        fd = os.open(f"self/attr/{name}", os.O_WRONLY | os.O_CLOEXEC, dir_fd=job.proc_fd)
        try:
            os.write(fd, text.encode())
        finally:
            os.close(fd)
    except OSError as error:
        raise Fault(f"{why}: write /proc/self/attr/{name}: {reason_of(error)}") from error


_MOST_OF_PASSWD = 1 << 20  # an image may carry a passwd of any size, or a device under that name


def home_of(uid: int) -> bytes:
    """The home that the image's /etc/passwd gives the uid, as plain text: no NSS, no library of the image's."""
    try:
        fd = os.open("/etc/passwd", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b"/"
    try:
        text = os.read(fd, _MOST_OF_PASSWD)
    except OSError:
        return b"/"
    finally:
        os.close(fd)
    for line in text.split(b"\n"):
        fields = line.split(b":")
        if len(fields) > 5 and fields[2] == b"%d" % uid:
            return fields[5] or b"/"
    return b"/"


def hand_over(file: bytes, job: "Job") -> "NoReturn":
    """Close what is ours and execve(2); a failure can only be told on the container's stderr."""
    # A path such as /proc/self/fd/7/… must find nothing, so closing on exec would be too late (CVE-2024-21626).
    process.close_range(3 + job.preserved)
    os._exit(execve.complain(file, execve.execute(file, job.program)))
