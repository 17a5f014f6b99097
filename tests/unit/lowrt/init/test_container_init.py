"""Pid 1's sequence: the parts that need no namespace; the whole runs in tests/integration/lowrt."""

import os

from lowrt.init import container_init
from lowrt.init.job import Job
from lowrt.spec.model import Spec


def test_hooks_inside_see_the_state_from_inside() -> None:
    document = {"args": ["x"]}
    job = Job(Spec({"process": document}, "/bundle"), document, "c1")
    job.state = {"ociVersion": "1.2.1", "id": "c1", "status": "creating", "bundle": "/b", "annotations": {"a": "b"}}
    state = container_init._state(job, "created")
    assert list(state) == ["ociVersion", "id", "status", "pid", "bundle", "annotations"]
    assert (state["status"], state["pid"]) == ("created", os.getpid())


def test_without_names_none_are_set() -> None:
    document = {"args": ["x"]}
    container_init._set_names(Job(Spec({"process": document}, "/bundle"), document, "c1"))
