"""Processes by pidfd, /proc/<pid>/stat, and ranges of descriptors."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lowrt.linux import process


def test_a_process_that_is_gone_has_no_start() -> None:
    assert process.stat(1 << 22) == ("X", 0)
    assert not process.is_alive(1 << 22, 0)


def test_a_name_with_parentheses_does_not_confuse() -> None:
    program = "import sys, time; open('/proc/self/comm', 'w').write(') Z 1 ('); print(flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        state, started = process.stat(child.pid)
        assert state in "SR"
        assert process.is_alive(child.pid, started)
        assert not process.is_alive(child.pid, started + 1)
        child.kill()


def test_a_zombie_is_not_alive() -> None:
    with subprocess.Popen(["true"]) as child:
        started = process.stat(child.pid)[1]
        deadline = time.monotonic() + 10
        while process.is_alive(child.pid, started):
            assert time.monotonic() < deadline
        assert process.stat(child.pid)[0] in "ZX"


def test_a_pidfd_signals_and_tells_the_end() -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        pidfd = os.pidfd_open(child.pid)
        assert not process.wait_for_exit(pidfd, 0)
        process.pidfd_send_signal(pidfd, signal.SIGKILL)
        assert process.wait_for_exit(pidfd, 10)
        child.wait()
        with pytest.raises(ProcessLookupError):
            process.pidfd_send_signal(pidfd, 0)
        os.close(pidfd)


def test_exit_codes_are_a_shells() -> None:
    assert process.exit_code(5 << 8) == 5
    assert process.exit_code(9) == 137


def test_all_but_some_are_closed() -> None:
    """In a child, and above 100, where nobody else's are."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            for fd in (100, 101, 103, 110):
                os.dup2(0, fd)
            process.close_all_but([103, 5], 100)
            alive = [fd for fd in (100, 101, 103, 110) if os.path.exists(f"/proc/self/fd/{fd}")]
            status = 0 if alive == [103] else 2
        finally:
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0


def test_signals_are_reset_and_unblocked() -> None:
    """In an interpreter of its own: libraries in ours may start threads, with their own masks, in what is forked."""
    program = (
        "import signal, sys; sys.path.insert(0, sys.argv[1])\n"
        "from lowrt.linux import process\n"
        "signal.signal(signal.SIGPIPE, signal.SIG_IGN)\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])\n"
        "process.reset_signals()\n"
        "print(*(line.split()[1] for line in open('/proc/self/status') if line[:6] in ('SigBlk', 'SigIgn')))"
    )
    root = str(Path(__file__).resolve().parents[4])
    done = subprocess.run([sys.executable, "-IS", "-c", program, root], capture_output=True, text=True, check=True)
    # 32 and 33 are the C library's own: posix_spawn(3) leaves them ignored, and signal(3) does not touch them.
    assert [int(mask, 16) & 0x7FFFFFFF for mask in done.stdout.split()] == [0, 0]


def test_signals_can_be_read() -> None:
    """In an interpreter of its own: a library that starts a thread in whatever is forked would let the signal kill."""
    program = (
        "import os, signal, sys; sys.path.insert(0, sys.argv[1])\n"
        "from lowrt.linux import process\n"
        "fd = process.signalfd(); os.kill(os.getpid(), signal.SIGTERM); print(process.read_signal(fd))"
    )
    root = str(Path(__file__).resolve().parents[4])
    done = subprocess.run([sys.executable, "-IS", "-c", program, root], capture_output=True, text=True, check=True)
    assert int(done.stdout) == signal.SIGTERM


def test_closing_what_is_closed_is_fine() -> None:
    process.close(4095)
