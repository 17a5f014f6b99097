"""Carry out a list of Writes in one folder, minding the marks they bear."""

import errno
import os

from lowrt.cgroup.files import CgroupError, read_int, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lowrt.cgroup.resources import Write


def carry_out(directory: str, writes: "list[Write]") -> None:
    """Write all; those marked `later` that the kernel refused with EINVAL come once more at the end."""
    postponed = []
    for item in writes:
        try:
            _write(directory, item)
        except CgroupError as error:
            if item.optional and error.errno == errno.ENOENT:
                continue
            if not (item.later and error.errno == errno.EINVAL):
                raise
            postponed.append(item)
        if item.confirm:
            _confirm(directory, item)
    for item in postponed:
        _write(directory, item)


def _write(directory: str, item: "Write") -> None:
    if item.otherwise is not None and not os.path.exists(f"{directory}/{item.file}"):
        write(directory, *item.otherwise)
    else:
        write(directory, item.file, item.value)


def _confirm(directory: str, item: "Write") -> None:
    """Only cpu.shares: the kernel takes any number and keeps the nearest it allows."""
    kept = read_int(directory, item.file)
    if int(item.value) > kept:
        raise CgroupError(f"the maximum allowed cpu-shares is {kept}")
    if int(item.value) < kept:
        raise CgroupError(f"the minimum allowed cpu-shares is {kept}")
