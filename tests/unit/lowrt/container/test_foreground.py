"""The loop between our stdio and a process's."""

import os
import signal
from collections.abc import Iterator

import pytest

from lowrt.container.foreground import Loop, Pipes
from lowrt.init.parent import Forked
from lowrt.linux import process


class Signals:
    """A pipe in place of a signalfd, so that no test blocks the signals of the whole test run."""

    def __init__(self) -> None:
        self.reading, self._writing = os.pipe()

    def send(self, number: int) -> None:
        os.write(self._writing, number.to_bytes(4, "little") + bytes(124))

    def close(self) -> None:
        os.close(self.reading)
        os.close(self._writing)


@pytest.fixture
def signals() -> Iterator[Signals]:
    signals = Signals()
    yield signals
    signals.close()


def spawn(script: str, *, stdin: int = -1, stdout: int = -1) -> Forked:
    actions = [(os.POSIX_SPAWN_DUP2, fd, number) for number, fd in ((0, stdin), (1, stdout)) if fd >= 0]
    pid = os.posix_spawn("/bin/sh", ["sh", "-c", script], {"PATH": "/usr/bin:/bin"}, file_actions=actions)
    return Forked(pid, os.pidfd_open(pid))


def test_all_output_arrives_and_the_code_with_it(signals: Signals) -> None:
    theirs_read, theirs_write = os.pipe()
    ours_read, ours_write = os.pipe()
    forked = spawn("echo out; exit 4", stdout=theirs_write)
    os.close(theirs_write)
    assert Loop(forked, [(theirs_read, ours_write)], signals.reading).run() == 4
    assert os.read(ours_read, 100) == b"out\n"
    for fd in (theirs_read, ours_read, ours_write):
        os.close(fd)
    forked.close()


def test_a_signal_is_passed_on(signals: Signals) -> None:
    forked = spawn("sleep 30")
    signals.send(signal.SIGCHLD)  # ours, not its
    signals.send(signal.SIGTERM)
    assert Loop(forked, [], signals.reading).run() == 128 + signal.SIGTERM
    forked.close()


def test_an_output_that_nobody_reads_does_not_stop_the_loop(signals: Signals) -> None:
    theirs_read, theirs_write = os.pipe()
    ours_read, ours_write = os.pipe()
    os.close(ours_read)
    forked = spawn("echo lost; exit 3", stdout=theirs_write)
    os.close(theirs_write)
    assert Loop(forked, [(theirs_read, ours_write)], signals.reading).run() == 3
    for fd in (theirs_read, ours_write):
        os.close(fd)
    forked.close()


def test_pipes_take_the_place_of_stdio_and_give_it_back() -> None:
    before = [os.fstat(fd).st_ino for fd in range(3)]
    pipes = Pipes()
    pipes.offer()
    within = [os.fstat(fd).st_ino for fd in range(3)]
    pipes.take_back()
    assert not set(before) & set(within)
    assert [os.fstat(fd).st_ino for fd in range(3)] == before
    for source, target in pipes.pairs():
        os.close(target if source == 0 else source)


def test_duplicates_close_on_exec() -> None:
    fd = process.dup_cloexec(0)
    assert not os.get_inheritable(fd)
    assert fd >= 10
    os.close(fd)
