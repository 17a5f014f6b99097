"""A running container written to an image, by criu; it goes on afterwards, or is no more.

Until criu has everything the container is only frozen: whatever fails before, it runs on.
"""

import fcntl
import os

from lowrt.cgroup.path import is_unified
from lowrt.checkpoint import criu_log, external, messages, mountpoints
from lowrt.checkpoint.criu import FIRST_EXTRA_FD, Criu, CriuError
from lowrt.checkpoint.options import common_request
from lowrt.container.state_file import write_atomically
from lowrt.errors import Fault, reason_of
from lowrt.jsontext import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lowrt.checkpoint.options import Options
    from lowrt.container.container import Container
    from lowrt.log import Log

    Json = dict[str, Any]

DESCRIPTORS = "descriptors.json"

# From here on criu tells by a notification that the page server is ready; older ones write to the fd themselves.
_NOTIFIES_STATUS = 31500
_FREEZES_V2 = 31400


def checkpoint(log: "Log", container: "Container", options: "Options") -> None:
    """Write the image; the caller holds the container's lock."""
    opened: list[int] = []
    criu = Criu.start(log, prepare=lambda: _prepare(options))
    try:
        version = criu.ask_version()
        external.check_version(container.spec, version, "checkpointing process")
        opened.append(criu.fetch(FIRST_EXTRA_FD))
        request = common_request(options, opened[0], criu_log.DUMP_LOG, container.spec.annotations)
        request |= _facts(container, version)
        if options.work:
            opened.append(criu.fetch(FIRST_EXTRA_FD + 1))
            request["work_dir_fd"] = opened[1]
        status = _Status(log, options, criu)
        if not options.pre_dump:
            request |= _outside(container)
            write_atomically(os.path.join(options.image, DESCRIPTORS), dumps(container.descriptors).encode())
        _work(log, criu, options, request, status)
    finally:
        criu.close()
        for fd in opened:
            os.close(fd)


def _prepare(options: "Options") -> list[int]:
    """In the process that becomes criu: its folders, made if they are missing."""
    if os.geteuid() == 0:
        mountpoints.leave_the_host()
    for path in filter(None, (options.image, options.work)):
        os.makedirs(path, mode=0o700, exist_ok=True)
    return mountpoints.open_folders(options.image, options.work)


def _facts(container: "Container", version: int) -> "Json":
    spec = container.spec
    facts: Json = {
        "pid": container.pid,
        "root": spec.rootfs,
        "external": external.dumped_namespaces(spec, container.pid),
    }
    # Frozen by its cgroup it stands still in one go; without, criu stops thread after thread.
    paths = container.cgroup.paths()
    freezer = paths.get("freezer") or (paths.get("", "") if is_unified() and version >= _FREEZES_V2 else "")
    if freezer:
        facts["freeze_cgroup"] = freezer
    return facts


def _outside(container: "Container") -> "Json":
    spec = container.spec
    mounts = external.external_mounts(spec, container.cgroup.paths(), unified=is_unified())
    masks = external.dumped_masks(spec.linux.get("maskedPaths") or [], container.pid)
    return {"ext_mnt": external.dumped([*mounts, *external.device_mounts(spec)], spec.rootfs) + masks}


class _Status:
    """--status-fd: whoever waits there gets one NUL when the memory's pages can be fetched."""

    def __init__(self, log: "Log", options: "Options", criu: Criu) -> None:
        self._log = log
        self._fd = options.status_fd if options.lazy else -1
        if self._fd >= 0:
            _check_writable(self._fd)
            if criu.version < _NOTIFIES_STATUS:
                raise Fault(f"--status-fd needs criu {_NOTIFIES_STATUS} or higher")

    def handle(self, script: str, notification: "Json", fds: list[int]) -> None:
        """criu's notifications while it dumps."""
        del notification, fds
        if script != "status-ready" or self._fd < 0:
            return
        fd, self._fd = self._fd, -1
        try:
            os.write(fd, b"\0")
        except OSError as error:
            self._log.warning(f"can't write \\0 to status fd: {reason_of(error)}")
        os.close(fd)


def _check_writable(fd: int) -> None:
    try:
        flags = fcntl.fcntl(fd, fcntl.F_GETFL)
    except OSError as error:
        raise Fault(f"invalid --status-fd argument {fd}: {reason_of(error)}") from error
    if flags & os.O_ACCMODE == os.O_RDONLY:
        raise Fault(f"invalid --status-fd argument {fd}: not writable")


def _work(log: "Log", criu: Criu, options: "Options", request: "Json", status: _Status) -> None:
    if options.pre_dump:
        criu.require("mem_track", "MemTrack")
    if options.lazy:
        criu.require("lazy_pages", "LazyPages")
    try:
        criu.work(messages.PRE_DUMP if options.pre_dump else messages.DUMP, request, status.handle)
        code = criu.close()
        # After a pre-dump criu waits for the dump to come; we have hung up instead, which it takes for a failure.
        if code and not options.pre_dump:
            raise CriuError(f"criu failed: exit status {code}")
    except CriuError as fault:
        raise criu_log.explain(log, fault, options.work or options.image, criu_log.DUMP_LOG) from fault
