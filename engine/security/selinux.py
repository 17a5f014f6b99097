"""SELinux as this host runs it: whether it does, and what its policy calls containers.

/usr/share/containers/selinux/contexts, else /etc/selinux/<SELINUXTYPE>/contexts/lxc_contexts
    process = "system_u:system_r:container_t:s0"
    file = "system_u:object_r:container_file_t:s0"
"""

import logging
import os
from collections.abc import Iterable

from engine import kernel
from engine.security.labels import Policy

logger = logging.getLogger(__name__)

_SELINUXFS, _SELINUX_MAGIC = "/sys/fs/selinux", 0xF97CFF8C
_CONFIG = "/etc/selinux/config"
_CONTEXTS = "/usr/share/containers/selinux/contexts"


def find(*, wanted: bool) -> Policy | None:
    """The policy that containers are labelled by; None where they are not to be, or cannot be."""
    if not wanted:
        return None
    if not is_running():
        logger.warning("SELinux is wanted (selinux-enabled), and this kernel does not run it: no labels are set")
        return None
    found = read(contexts_file())
    if not found.process or not found.file:
        logger.warning("%s does not say how containers are labelled", contexts_file())
    return found


def is_running(mount: str = _SELINUXFS, current: str = "/proc/self/attr/current") -> bool:
    """Whether the kernel has the module, and a policy."""
    try:
        if kernel.filesystem(mount) != _SELINUX_MAGIC or os.statvfs(mount).f_flag & os.ST_RDONLY:
            return False
        with open(current, encoding="utf-8", errors="surrogateescape") as file:
            return file.read().rstrip("\0\n") != "kernel"  # what everything is before a policy is loaded
    except OSError:
        return False


def contexts_file(contexts: str = _CONTEXTS, config: str = _CONFIG) -> str:
    """Where the policy says it."""
    if os.path.exists(contexts):
        return contexts
    kind = ""
    try:
        with open(config, encoding="utf-8", errors="replace") as file:
            kind = _settings(file).get("SELINUXTYPE", "")
    except FileNotFoundError:
        pass  # the path below is not there, either
    return os.path.join(os.path.dirname(config), kind, "contexts", "lxc_contexts")


def read(path: str) -> Policy:
    """The two contexts."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            found = _settings(file)
    except OSError:
        found = {}
    return Policy(found.get("process", ""), found.get("file", ""))


def _settings(lines: Iterable[str]) -> dict[str, str]:
    found = {}
    for line in lines:
        key, equals, value = line.partition("=")
        if equals and not line.lstrip().startswith(("#", ";")):
            found[key.strip()] = value.strip().strip('"')
    return found
