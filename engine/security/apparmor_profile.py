"""AppArmor's profile of containers that ask for no other: `docker-default`, loaded where the kernel has not got it yet.

It allows what a container does inside of itself, and forbids what its mounts and capabilities would forbid already: to
mount, to write to the kernel's files, to trace or to signal who is not in a container. Docker's packages bring one of
the same name: then theirs stays.
"""

import logging
import os
import shutil
import subprocess

from engine.spec import apparmor

logger = logging.getLogger(__name__)

_PARSER = "apparmor_parser"
_OWN = "/proc/self/attr/current"
_TIMEOUT = 30


def ensure(*, enabled: bool, profiles: str = apparmor.PROFILES) -> None:
    """Load it; what keeps us from that is said, and containers go on without."""
    if not enabled or apparmor.is_loaded(apparmor.DEFAULT, profiles):
        return
    parser = shutil.which(_PARSER, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if parser is None:
        logger.warning("AppArmor is on, and there is no %s to load the profile %s with", _PARSER, apparmor.DEFAULT)
        return
    command = [parser, "--skip-cache", "--replace"]
    done = subprocess.run(command, input=text(), capture_output=True, text=True, timeout=_TIMEOUT, check=False)
    if done.returncode == 0:
        logger.info("loaded the AppArmor profile %s", apparmor.DEFAULT)
    else:
        logger.warning("loading the AppArmor profile %s: %s", apparmor.DEFAULT, done.stderr.strip())


def text(daemon: str = "", name: str = apparmor.DEFAULT) -> str:
    """The profile, in apparmor.d(5)'s language; `daemon` is the profile that the engine itself runs under."""
    peers = dict.fromkeys(("unconfined", daemon or _current(), "runc", "crun"))
    return _TEMPLATE.format(name=name, peers="\n".join(f'  signal (receive) peer="{peer}",' for peer in peers))


def _current() -> str:
    try:
        with open(_OWN, encoding="utf-8", errors="replace") as file:
            return file.read().rstrip("\0\n").rpartition(" (")[0] or "unconfined"
    except OSError:
        return "unconfined"


# Of /proc a container may write to what belongs to processes, and to the shm* of /proc/sys/kernel. A path's rule cannot
# say "not": the second pattern spells out what is neither a number nor "sys".
_TEMPLATE = """\
@{{PROC}}=/proc/
profile "{name}" flags=(attach_disconnected,mediate_deleted) {{
  network,
  capability,
  file,
  umount,
{peers}
  signal (send,receive) peer="{name}",
  ptrace (trace,read,tracedby,readby) peer="{name}",

  deny @{{PROC}}/* w,
  deny @{{PROC}}/{{[^1-9],[^1-9][^0-9],[^1-9s][^0-9y][^0-9s],[^1-9][^0-9][^0-9][^0-9/]*}}/** w,
  deny @{{PROC}}/sys/[^k]** w,
  deny @{{PROC}}/sys/kernel/{{?,??,[^s][^h][^m]**}} w,
  deny @{{PROC}}/sysrq-trigger rwklx,
  deny @{{PROC}}/kcore rwklx,

  deny mount,

  deny /sys/[^f]*/** wklx,
  deny /sys/f[^s]*/** wklx,
  deny /sys/fs/[^c]*/** wklx,
  deny /sys/fs/c[^g]*/** wklx,
  deny /sys/fs/cg[^r]*/** wklx,
  deny /sys/firmware/** rwklx,
  deny /sys/devices/virtual/powercap/** rwklx,
  deny /sys/kernel/security/** rwklx,
}}
"""
