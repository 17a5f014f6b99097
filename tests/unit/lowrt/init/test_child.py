"""What both kinds of children do, as far as it needs no container."""

import os

import pytest

from lowrt.errors import Fault
from lowrt.init import child, sync
from lowrt.init.job import Job
from lowrt.init.sync import Channel
from lowrt.spec.model import Spec


def job() -> Job:
    document = {"args": ["x"]}
    return Job(Spec({"process": document}, "/bundle"), document, "c1")


def test_an_error_goes_to_the_parent() -> None:
    parent, end = Channel.pair()
    fault = Fault("words")
    fault.code = "code"
    child._report(end, fault)
    message = parent.receive()
    assert message is not None
    assert (message.kind, message.text, message.code) == (sync.ERROR, "words", "code")
    parent.close()
    end.close()


def test_an_error_after_the_parent_left_goes_to_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    parent, end = Channel.pair()
    parent.close()
    child._report(end, Fault("words"))
    end.close()
    assert capfd.readouterr().err == "words\n"


def test_without_a_filter_nothing_is_installed() -> None:
    parent, end = Channel.pair()
    child._install_filter(job(), end)
    end.close()
    assert parent.receive() is None
    parent.close()


def test_no_terminal_no_console() -> None:
    child.open_console(job(), as_console=True)


def test_home_comes_from_the_text_of_passwd() -> None:
    assert child.home_of(0) == b"/root"
    assert child.home_of(987_654) == b"/"


def test_the_first_step_lets_go_of_what_is_foreign() -> None:
    """In a child: it resets the signals, and ends with its parent."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            parent, end = Channel.pair()
            parent.send(sync.Message(sync.PROCEED))
            work = job()
            work.foreign_fds = [os.dup(0)]
            child.begin(work, end)
            try:
                os.fstat(work.foreign_fds[0])
            except OSError:
                status = 0
        finally:
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0
