"""Compose's `build:` on our engine, by every generation of it that is here, with the classic builder."""

import os
import subprocess
from pathlib import Path

import pytest

from tests import needs
from tests.e2e.test_compose import programs
from tests.integration.engine.builder.conftest import Builds

pytestmark = [
    needs.root,
    needs.binary("docker"),
    needs.overlay,
    pytest.mark.skipif(not programs(), reason="no docker-compose here"),
]

_APP = """\
name: built
services:
  one:
    build: {context: ., target: small, args: {WHO: compose}, labels: {of: build}, network: none}
    image: built-one
    network_mode: none
  two:
    build: {context: sub, dockerfile: Other, network: none, extra_hosts: ["a.local:1.2.3.4"]}
    network_mode: none
"""


@pytest.mark.parametrize("program", programs())
def test_services_are_built_run_and_found_again(builds: Builds, tmp_path: Path, program: str) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "compose.yaml").write_text(_APP)
    (tmp_path / "Dockerfile").write_text(
        "FROM busybox AS small\nARG WHO\nRUN echo $WHO > /who\nCMD cat /who\nFROM small\nRUN false\n"
    )
    (tmp_path / "sub/Other").write_text("FROM busybox\nCOPY note /\nCMD cat /note\n")
    (tmp_path / "sub/note").write_text("noted\n")

    def compose(*words: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [program, "--project-directory", str(tmp_path), *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            env={**os.environ, "DOCKER_HOST": builds.engine.host, "DOCKER_BUILDKIT": "0", "HOME": str(tmp_path)},
        )
        assert done.returncode == 0, f"{done.stdout}{done.stderr}\n{builds.engine.tail()}"
        return done

    try:
        compose("build")
        assert builds.engine.out("inspect", "-f", "{{.Config.Labels.of}}", "built-one") == "build"
        assert compose("run", "--rm", "one").stdout.splitlines()[-1] == "compose"
        assert compose("run", "--rm", "two").stdout.splitlines()[-1] == "noted"
        again = compose("build")
        assert "Using cache" in again.stdout + again.stderr
    finally:
        compose("down", "--rmi", "all", "-t", "0")
