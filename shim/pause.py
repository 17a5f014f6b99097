"""The pause process: it holds a sandbox's namespaces, reaps what is orphaned in them, and does nothing else.

    shim ── fork ──▶ helper: joins and makes namespaces ── fork ──▶ pause (pid 1 of a new pid namespace)
      ▲                 │ pid of pause, then exit                     │
      └──── report ─────┘                                             │
      └─────────────── lifeline: its end is the shim's end ───────────┘

It is a fork of the shim that never executes anything: no image is needed for it, and there is no program of which an
interpreter or a helper could be overwritten. Containers that join its pid namespace cannot look into it: it is not
dumpable.
"""

import json
import os
import signal
import socket
import sys
from collections.abc import Mapping
from typing import NoReturn

from shim import linux

KINDS: Mapping[str, int] = {
    "cgroup": linux.CLONE_NEWCGROUP,
    "ipc": linux.CLONE_NEWIPC,
    "network": linux.CLONE_NEWNET,
    "pid": linux.CLONE_NEWPID,
    "uts": linux.CLONE_NEWUTS,
}
_REPORT_LIMIT = 4096


class PauseError(Exception):
    """The process could not be made; the text says why."""


class Pause:
    """What the process is to hold: namespaces by kind, each with the path of one to join or nothing for a new one."""

    __slots__ = ("hostname", "namespaces")

    def __init__(self, namespaces: Mapping[str, str], hostname: str = "") -> None:
        unknown = sorted(set(namespaces) - set(KINDS))
        if unknown:
            raise PauseError(f"a sandbox cannot hold namespaces of type {', '.join(unknown)}")
        if hostname and "uts" not in namespaces:
            raise PauseError("a sandbox can have a hostname only in a UTS namespace of its own")
        self.namespaces = dict(namespaces)
        self.hostname = hostname

    def start(self) -> tuple[int, int]:
        """Fork the process; its pid, and the end of the lifeline that keeps it alive."""
        report, report_end = os.pipe2(os.O_CLOEXEC)
        lifeline, lifeline_end = os.pipe2(os.O_CLOEXEC)
        helper = os.fork()
        if helper == 0:
            self._help(report_end, lifeline)
        os.close(report_end)
        os.close(lifeline)
        try:
            told = _read_all(report)
            document = json.loads(told) if told else {"error": "its helper died"}
            if "error" in document:
                raise PauseError(document["error"])
            return int(document["pid"]), lifeline_end
        except BaseException:
            os.close(lifeline_end)
            raise
        finally:
            os.close(report)

    def _help(self, report: int, lifeline: int) -> NoReturn:
        try:
            signal.set_wakeup_fd(-1)  # it is the shim's loop that would be woken
            self._enter()
            pid = os.fork()
            if pid == 0:
                os.close(report)
                _hold(lifeline)
            os.write(report, json.dumps({"pid": pid}).encode())
        except BaseException as error:  # nobody else could tell
            os.write(report, json.dumps({"error": str(error)}).encode())
        finally:
            os._exit(0)

    def _enter(self) -> None:
        paths = {kind: path for kind, path in self.namespaces.items() if path}
        for kind, path in paths.items():
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                linux.setns(fd, KINDS[kind])
            finally:
                os.close(fd)
        flags = 0
        for kind in self.namespaces.keys() - paths.keys():
            flags |= KINDS[kind]
        linux.unshare(flags)
        if self.hostname:
            socket.sethostname(self.hostname)


def _hold(lifeline: int) -> NoReturn:
    """Live until SIGTERM, SIGINT or the shim's end."""
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: os._exit(0))
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # orphans are reaped by the kernel
        linux.prctl(linux.PR_SET_DUMPABLE, 0)
        linux.set_process_name("pause")
        os.setsid()
        os.chdir("/")
        null = os.open("/dev/null", os.O_RDWR)
        keep = os.dup2(lifeline, 3) if lifeline != 3 else 3
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        linux.close_range(4)
        while os.read(keep, 1):
            continue
    except BaseException as error:  # the last words of a process without a log
        sys.stderr.write(f"pause: {error}\n")
    finally:
        os._exit(128 + signal.SIGKILL)


def _read_all(fd: int) -> bytes:
    data = b""
    while len(data) < _REPORT_LIMIT and (more := os.read(fd, _REPORT_LIMIT)):
        data += more
    return data
