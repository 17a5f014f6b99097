"""A stage, and lowrt's command line on it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lowrt import cli
from tests.fakes.lowrt_containers import Stage

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


@pytest.fixture
def lowrt(stage: Stage, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Call:
    """Run a command line in this process: (status, stdout, stderr)."""

    def call(*words: str) -> tuple[int, str, str]:
        status = cli.main(["--root", str(stage.root), "--log", str(tmp_path / "log"), *words])
        captured = capfd.readouterr()
        return status, captured.out, captured.err

    return call
