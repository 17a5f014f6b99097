"""Execs by a parent that lives on: which it takes, what it reads again, and how it fails. Nothing enters anything."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lowrt import resident
from lowrt.errors import Fault
from lowrt.init import straight
from lowrt.init.parent import Forked
from lowrt.paths import StateDir
from lowrt.resident import Exec, Execs, Refused
from tests.fakes.lowrt_containers import Stage

DOCUMENT = {"args": ["true"], "cwd": "/", "user": {"uid": 0, "gid": 0}}


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


@pytest.fixture
def execs() -> Execs:
    made = Execs()
    made.able = True
    return made


def begin(execs: Execs, stage: Stage, name: str = "c1", **changes: object) -> Exec | None:
    text = json.dumps({**DOCUMENT, **changes}).encode()
    return execs.begin(str(stage.root), name, text, (0, 1, 2), "")


def test_who_could_be_overwritten_or_may_not_enter_directly_makes_none(stage: Stage, execs: Execs) -> None:
    execs.able = False
    assert begin(execs, stage) is None


def test_what_would_change_the_callers_own_cpus_takes_a_process(stage: Stage, execs: Execs) -> None:
    stage.record()
    assert begin(execs, stage, execCPUAffinity={"initial": "0"}) is None


def test_refusals_have_the_command_lines_words_and_code(stage: Stage, execs: Execs) -> None:
    stage.record()
    for name, args, words, code in (
        ("c1", ["true"], "exec failed: cannot exec in a stopped container", "failed_precondition"),
        ("c2", ["true"], "exec failed: container does not exist", "not_found"),
        ("../c1", ["true"], "exec failed: ", "invalid_argument"),
        ("c1", [], "exec failed: args must not be empty", "invalid_argument"),
    ):
        with pytest.raises(Refused) as refused:
            begin(execs, stage, name, args=args)
        assert str(refused.value).startswith(words)
        assert refused.value.code == code


def test_a_document_that_is_none_is_refused(stage: Stage, execs: Execs) -> None:
    with pytest.raises(Refused, match="exec failed: "):
        execs.begin(str(stage.root), "c1", b"{", (0, 1, 2), "")


def test_a_container_is_read_again_when_its_record_is_another(stage: Stage, execs: Execs) -> None:
    container = stage.record()
    first = execs._find(container.dir)
    assert execs._find(container.dir) is first
    os.utime(container.dir.state, ns=(1, 1))
    assert execs._find(container.dir) is not first


def test_the_filters_words_are_let_go_of_and_so_are_containers_that_went(stage: Stage, execs: Execs) -> None:
    for name in ("c1", "c2"):
        container = stage.record(name)
        config = json.loads(Path(container.dir.config).read_text())
        config["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [], "listenerPath": "/x"}
        Path(container.dir.config).write_text(json.dumps(config))
        found = execs._find(container.dir)
        assert found.filter is not None
        assert found.spec.seccomp == {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/x"}
        if name == "c1":
            os.rename(container.dir.path, stage.folder / "gone")
    assert list(execs._known) == [StateDir(str(stage.root), "c2").path]


class FakeDance:
    """Says what it is told to."""

    def __init__(self, *steps: bool | Exception) -> None:
        self.steps = list(steps)
        self.closed = False

    def release(self) -> None:
        return

    def fileno(self) -> int:
        return 77

    def advance(self, _forked: Forked) -> bool:
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return step

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"]) as started:
        yield started
        started.kill()


def begun(dance: FakeDance, child: "subprocess.Popen[bytes]") -> Any:
    """What `execute.begin` gives."""
    return dance, Forked(child.pid, os.pidfd_open(child.pid))


def test_an_exec_goes_on_step_by_step_until_it_is_done(child: "subprocess.Popen[bytes]") -> None:
    dance = FakeDance(False, True)
    exec_ = Exec(begun(dance, child))
    exec_.release()
    assert (exec_.pid, exec_.fileno()) == (child.pid, 77)
    assert [exec_.advance(), exec_.advance()] == [False, True]
    exec_.close()
    assert dance.closed
    assert child.poll() is None


def test_an_exec_that_fails_is_killed_and_left_to_who_reaps(child: "subprocess.Popen[bytes]") -> None:
    exec_ = Exec(begun(FakeDance(Fault("no such thing")), child))
    with pytest.raises(Refused, match="exec failed: unable to start container process: no such thing"):
        exec_.advance()
    assert child.wait(30) == -9
    exec_.close()


def test_one_that_is_gone_already_is_no_second_error(child: "subprocess.Popen[bytes]") -> None:
    exec_ = Exec(begun(FakeDance(Fault("died")), child))
    child.kill()
    child.wait(30)
    with pytest.raises(Refused, match="died"):
        exec_.advance()
    exec_.close()


def test_a_silent_log_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    resident.Silent().warning("mind")
    assert capfd.readouterr().err == ""


def test_what_went_astray_is_begun_anew_the_ordinary_way(child: "subprocess.Popen[bytes]") -> None:
    lost = FakeDance(straight.Astray())
    with subprocess.Popen(["sleep", "60"]) as second:
        found = FakeDance(True)
        exec_ = Exec(begun(lost, child), lambda: begun(found, second))
        assert not exec_.advance()
        assert (exec_.pid, lost.closed) == (second.pid, True)
        assert exec_.advance()
        exec_.close()
        second.kill()


def test_an_ordinary_way_that_cannot_be_begun_is_refused(child: "subprocess.Popen[bytes]") -> None:
    def ordinary() -> Any:
        raise Fault("container is not running")

    exec_ = Exec(begun(FakeDance(straight.Astray()), child), ordinary)
    with pytest.raises(Refused, match="^exec failed: container is not running$"):
        exec_.advance()
    exec_.close()
