"""The corpora on our engine, compared with what Debian's dockerd 20.10 made of one, and dockerd 28 of the other."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import needs
from tests.engine_process import Engine
from tests.integration.engine.builder.capture import EXPECTED, EXPECTED_BUILDKIT, build
from tests.integration.engine.builder.corpus import BUILDKIT_CASES, CASES, Case, Docker

pytestmark = [needs.root, needs.binary("docker"), needs.overlay]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with Engine(tmp_path_factory.mktemp("corpus") / "e") as engine:
        yield engine


@pytest.fixture(scope="module")
def docker(engine: Engine) -> Docker:
    """The stock CLI on an engine of ours."""
    return _client(engine, "docker", "0")


@pytest.fixture(scope="module")
def buildkit_docker(engine: Engine) -> Docker:
    """The same, where it speaks to BuildKit: 20.10 does, and later ones with buildx."""
    for program in ("docker", "/usr/bin/docker"):
        docker = _client(engine, program, "1")
        if docker("build", "--help", check=False).returncode == 0:
            return docker
    pytest.skip("needs a docker CLI that speaks to BuildKit: 20.10, or one with buildx")


def _client(engine: Engine, program: str, buildkit: str) -> Docker:
    def run(*words: str, check: bool = True, text: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [program, "-H", engine.host, *words],
            capture_output=True,
            check=check,
            input=text,
            env={"DOCKER_BUILDKIT": buildkit, "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(engine.folder)},
        )

    return run


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_image_is_what_dockerd_makes_of_it(docker: Docker, case: Case, tmp_path: Path) -> None:
    """Tree, config and history."""
    expected = json.loads(EXPECTED.read_text())[case.name]
    assert build(docker, case, tmp_path / "contexts") == expected


@pytest.mark.parametrize("case", BUILDKIT_CASES, ids=lambda case: case.name)
def test_an_image_is_what_buildkit_makes_of_it(buildkit_docker: Docker, case: Case, tmp_path: Path) -> None:
    """Tree and config; asked for in BuildKit's way."""
    expected = json.loads(EXPECTED_BUILDKIT.read_text())[case.name]
    assert build(buildkit_docker, case, tmp_path / "contexts", plain=True) == expected
