"""lowrt checkpoint, up to where criu begins."""

import os
from pathlib import Path

import pytest

from tests.fakes.lowrt_containers import Stage, living_process
from tests.unit.lowrt.commands.conftest import Call


def test_a_container_that_is_not_there_is_not_found(lowrt: Call) -> None:
    status, _, err = lowrt("checkpoint", "nobody")
    assert (status, err) == (1, "container does not exist\n")


@pytest.mark.parametrize(("created", "state"), [(True, "created"), (False, "stopped")])
def test_only_a_running_container_can_be_checkpointed(lowrt: Call, stage: Stage, created: bool, state: str) -> None:
    with living_process() as pid:
        stage.record(pid=pid if created else 0, created=created)
        status, _, err = lowrt("checkpoint", "c1")
    assert (status, err) == (1, f"Container cannot be checkpointed in {state} state\n")


def test_without_criu_nothing_happens_to_the_container(
    lowrt: Call, stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with living_process() as pid:
        monkeypatch.setenv("PATH", "/nowhere")
        stage.record(pid=pid)
        status, _, err = lowrt("checkpoint", "--image-path", str(tmp_path / "image"), "c1")
        os.kill(pid, 0)
    assert status == 1
    assert err == 'CRIU version check failed: exec: "criu": executable file not found in $PATH\n'
    assert not (tmp_path / "image").exists()
