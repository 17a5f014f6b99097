"""Which command lines need no process of their own, and that they leave the caller's alone."""

import json
import os
import signal
from pathlib import Path

import pytest

from lowrt import brief
from tests.fakes.lowrt_containers import Stage, living_process


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def line(stage: Stage, *words: str) -> list[str]:
    return ["--root", str(stage.root), "--log", str(stage.folder / "log"), "--log-format", "json", *words]


def test_start_and_delete_are_brief_without_hooks(stage: Stage) -> None:
    stage.record("c1", hooks={})
    assert brief.is_brief(line(stage, "start", "c1"))
    assert brief.is_brief(line(stage, "delete", "--force", "c1"))


def test_hooks_want_a_process_that_reaps_them(stage: Stage) -> None:
    stage.record("c1", hooks={"poststop": [{"path": "/bin/true"}]})
    assert not brief.is_brief(line(stage, "start", "c1"))
    assert not brief.is_brief(line(stage, "delete", "c1"))
    assert brief.is_brief(line(stage, "kill", "c1", "9"))


def test_what_is_not_known_to_be_without_hooks_is_not_brief(stage: Stage) -> None:
    stage.record("c1")
    assert not brief.is_brief(line(stage, "start", "c1"))
    assert not brief.is_brief(line(stage, "start", "nobody"))
    assert not brief.is_brief(line(stage, "start", "../c1"))


def test_other_verbs_and_broken_lines_are_not_brief(stage: Stage) -> None:
    stage.record("c1", hooks={})
    for words in (["create", "c1"], ["exec", "c1", "true"], ["start"], [], ["--what"]):
        assert not brief.is_brief(line(stage, *words))
    assert not brief.is_brief(["start", "c1"])


def test_a_signal_is_sent(stage: Stage) -> None:
    with living_process() as pid:
        stage.record("c1", pid=pid)
        assert brief.main(line(stage, "kill", "c1", "TERM"), "lowrt") == 0
        assert os.waitpid(pid, 0)[1] == signal.SIGTERM


def test_errors_are_in_the_log_only_and_no_file_stays_open(stage: Stage, capfd: pytest.CaptureFixture[str]) -> None:
    log = stage.folder / "log"
    assert brief.main(line(stage, "start", "nobody"), "lowrt") == 1
    assert str(log) not in [os.path.realpath(fd) for fd in Path("/proc/self/fd").iterdir()]
    assert json.loads(log.read_text())["msg"] == "container does not exist"
    assert capfd.readouterr().err == ""
