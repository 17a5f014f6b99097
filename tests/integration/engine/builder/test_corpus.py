"""The corpus on our engine, compared with what Debian's dockerd 20.10 made of it."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import needs
from tests.engine_process import Engine
from tests.integration.engine.builder.capture import EXPECTED, build
from tests.integration.engine.builder.corpus import CASES, Case, Docker

pytestmark = [needs.root, needs.binary("docker"), needs.overlay]


@pytest.fixture(scope="module")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Docker]:
    """The stock CLI on an engine of ours."""
    with Engine(tmp_path_factory.mktemp("corpus") / "e") as engine:

        def run(*words: str, check: bool = True, text: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
            return subprocess.run(
                ["docker", "-H", engine.host, *words],
                capture_output=True,
                check=check,
                input=text,
                env={"DOCKER_BUILDKIT": "0", "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/nonexistent"},
            )

        yield run


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_image_is_what_dockerd_makes_of_it(docker: Docker, case: Case, tmp_path: Path) -> None:
    """Tree, config and history."""
    expected = json.loads(EXPECTED.read_text())[case.name]
    assert build(docker, case, tmp_path / "contexts") == expected
