"""Freeze and thaw, on both versions; the answer is only given once the kernel confirms it."""

import errno
import os
import time

from lowrt.cgroup.files import CgroupError, read, write

_V2_PATIENCE = 10.0


def freeze_v1(directory: str) -> None:
    """Freeze; while new processes keep appearing v1 may stay FREEZING, so it is asked again, and in the end thawed."""
    try:
        for attempt in range(1000):
            if attempt % 50 == 49:
                # Letting them run for a moment lets forks in flight finish.
                write(directory, "freezer.state", "THAWED")
                time.sleep(0.01)
            write(directory, "freezer.state", "FROZEN")
            if attempt % 25 == 24:
                time.sleep(0.00001)
            state = read(directory, "freezer.state").strip()
            if state == "FROZEN":
                return
            if state != "FREEZING":
                raise CgroupError(f"unexpected state {state} while freezing")
        raise CgroupError("unable to freeze")
    except BaseException:
        _thaw_quietly(directory)
        raise


def _thaw_quietly(directory: str) -> None:
    try:
        write(directory, "freezer.state", "THAWED")
    except CgroupError:
        pass  # the first error is the one to tell


def thaw_v1(directory: str) -> None:
    write(directory, "freezer.state", "THAWED")


def is_frozen_v1(directory: str) -> bool:
    """Whether this cgroup itself was frozen, not merely one above it."""
    while True:
        try:
            state = read(directory, "freezer.state").strip()
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENODEV):
                return False
            raise
        if state != "FREEZING":
            break
        time.sleep(0.001)
    if state != "FROZEN":
        return False
    try:
        return read(directory, "freezer.self_freezing").strip() == "1"
    except FileNotFoundError:
        return True


def set_v2(directory: str, *, frozen: bool) -> None:
    """Write cgroup.freeze, and wait until cgroup.events says that it is so."""
    try:
        write(directory, "cgroup.freeze", "1" if frozen else "0")
    except CgroupError as error:
        if not frozen and error.errno in (errno.ENOENT, errno.ENODEV):
            return  # nothing there that could be frozen
        raise CgroupError(f"freezer not supported: {error}", error.errno) from error
    if frozen:
        _wait_frozen(directory)


def is_frozen_v2(directory: str) -> bool:
    try:
        asked = read(directory, "cgroup.freeze").strip()
        if asked == "1":
            _wait_frozen(directory)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENODEV):
            return False
        raise
    return asked == "1"


def _wait_frozen(directory: str) -> None:
    """cgroup.events raises POLLPRI at each change, so there is nothing to poll for."""
    import select

    fd = os.open(f"{directory}/cgroup.events", os.O_RDONLY | os.O_CLOEXEC)
    try:
        poller = select.poll()
        poller.register(fd, select.POLLPRI | select.POLLERR)
        deadline = time.monotonic() + _V2_PATIENCE
        while b"frozen 1" not in os.pread(fd, 4096, 0):
            left = deadline - time.monotonic()
            if left <= 0:
                raise CgroupError("timeout of 10s reached waiting for the cgroup to freeze")
            poller.poll(left * 1000)
    finally:
        os.close(fd)
