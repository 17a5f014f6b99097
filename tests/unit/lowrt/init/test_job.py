"""A job gathers what the child needs."""

from lowrt.init.job import Job
from lowrt.spec.model import Spec


def test_it_is_planned_from_the_process_document() -> None:
    document = {"args": ["sh", "-c", "x"], "env": ["PATH=/bin"], "terminal": True, "noNewPrivileges": True}
    job = Job(Spec({"process": document}, "/bundle"), document, "c1")
    assert job.program.arguments == [b"sh", b"-c", b"x"]
    assert job.terminal
    assert job.no_new_privileges
    assert (job.console_socket, job.fifo_fd, job.proc_fd, job.target_fd) == (-1, -1, -1, -1)
