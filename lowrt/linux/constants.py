"""Numbers of the kernel's interface, grouped under the header that defines them."""

import os

# <asm/unistd.h>: every call added since 5.1 has one number on all architectures.
_MACHINE = os.uname().machine
NR_CLONE = {"x86_64": 56}.get(_MACHINE, 220)
NR_PERSONALITY = {"x86_64": 135}.get(_MACHINE, 92)
NR_CAPGET = {"x86_64": 125}.get(_MACHINE, 90)
NR_CAPSET = {"x86_64": 126}.get(_MACHINE, 91)
NR_KEYCTL = {"x86_64": 250}.get(_MACHINE, 219)
NR_IOPRIO_SET = {"x86_64": 251}.get(_MACHINE, 30)
NR_SCHED_SETATTR = {"x86_64": 314}.get(_MACHINE, 274)
NR_SET_MEMPOLICY = {"x86_64": 238, "s390x": 269, "ppc64le": 261}.get(_MACHINE, 237)
NR_EXECVEAT = {"x86_64": 322}.get(_MACHINE, 281)
NR_PIDFD_SEND_SIGNAL = 424
NR_OPEN_TREE = 428
NR_CLONE3 = 435
NR_CLOSE_RANGE = 436
NR_PIDFD_GETFD = 438
NR_MOUNT_SETATTR = 442

# <linux/sched.h>
CLONE_NEWTIME = 0x00000080
CLONE_PIDFD = 0x00001000
CLONE_PARENT = 0x00008000
CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
CLONE_INTO_CGROUP = 0x200000000

# <linux/prctl.h>
PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_KEEPCAPS = 8
PR_SET_NAME = 15
PR_CAPBSET_READ = 23
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
PR_CAP_AMBIENT_CLEAR_ALL = 4

# <linux/close_range.h>
CLOSE_RANGE_CLOEXEC = 1 << 2

# <linux/mount.h>
OPEN_TREE_CLONE = 1
OPEN_TREE_CLOEXEC = os.O_CLOEXEC
MOUNT_ATTR_RDONLY = 1

# <fcntl.h>
AT_FDCWD = -100
AT_EMPTY_PATH = 0x1000

# <asm/signal.h>, as x86-64, arm64 and riscv number them; the `signal` module costs an import of enum.
SIGHUP = 1
SIGKILL = 9
SIGTERM = 15
SIGSTOP = 19
SIGCHLD = 17
SIGURG = 23
SIGWINCH = 28
# fmt: off
_NAMES = (
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM",
    "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO",
    "PWR", "SYS",
)
# fmt: on
SIGNALS = dict(zip(_NAMES, range(1, 32), strict=True)) | {"IOT": 6, "CLD": 17, "POLL": 29}
