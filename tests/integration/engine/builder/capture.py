"""Write expected.json anew from dockerd 20.10, and expected_buildkit.json from the peers' dockerd:
`python -m tests.integration.engine.builder.capture`, as root."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.daemons import peers_programs, unmount_below
from tests.images import busybox_archive
from tests.integration.engine.builder.corpus import BUILDKIT_CASES, CASES, Case, Docker, look

EXPECTED = Path(__file__).with_name("expected.json")
EXPECTED_BUILDKIT = Path(__file__).with_name("expected_buildkit.json")


@contextlib.contextmanager
def dockerd(folder: Path, programs: str = "", *words: str) -> Iterator[Docker]:
    """A dockerd of its own, without networks: Debian's with the classic builder, or another one's with BuildKit."""
    host = f"unix://{folder}/sock"
    path = {"PATH": f"{programs}:{os.environ['PATH']}"}
    words = words or ("--storage-driver", "overlay2")
    with (folder / "log").open("wb") as log:
        daemon = subprocess.Popen(
            [
                *("dockerd", "-H", host, "--data-root", str(folder / "data"), "--exec-root", str(folder / "exec")),
                *("-p", str(folder / "pid"), "--bridge", "none", "--iptables=false", *words),
            ],
            stdout=log,
            stderr=log,
            env={**os.environ, **path},
        )
    client = f"{programs}/docker" if programs else "/usr/bin/docker"
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "DOCKER_BUILDKIT": "0"}
    if programs:
        environment |= {**path, "DOCKER_CONFIG": str(Path(programs).parent / "docker"), "DOCKER_BUILDKIT": "1"}

    def docker(*words: str, check: bool = True, text: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [client, "-H", host, *words], capture_output=True, check=check, input=text, env=environment
        )

    try:
        for _ in range(100):
            if docker("version", check=False).returncode == 0:
                break
            time.sleep(0.2)
        yield docker
    finally:
        daemon.terminate()
        daemon.wait(30)
        unmount_below(folder)
        shutil.rmtree(folder, ignore_errors=True)


def build(docker: Docker, case: Case, folder: Path, *, plain: bool = False) -> dict[str, Any]:
    """Build a case as any client would; what came of it."""
    context = str(case.write(folder / case.name))
    if case.first:
        docker("build", "--network", "none", "-t", "base", "-", text=case.first.encode())
    done = docker("build", "--network", "none", "-t", "built", *case.flags, context, check=False)
    if case.fails:
        said = (done.stderr + done.stdout).decode()
        assert done.returncode != 0, f"{case.name} was built"
        assert case.fails in said, f"{case.name}: {said}"
        return {"fails": True}
    assert done.returncode == 0, f"{case.name}: {done.stderr.decode()}{done.stdout.decode()}"
    return look(docker, "built", plain=plain)


def captured(docker: Docker, archive: Path, cases: list[Case], folder: Path, *, plain: bool = False) -> str:
    """What a dockerd makes of all of a corpus; ends the program where that is not what a case says."""
    found, failures = {}, []
    docker("load", "-i", str(archive))
    for case in cases:
        try:
            found[case.name] = build(docker, case, folder / "contexts", plain=plain)
        except AssertionError as error:
            failures.append(str(error))
    if failures:
        sys.exit("\n".join(failures))
    return json.dumps(found, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def main() -> None:
    """Capture all, as far as there are the daemons for it."""
    folder = Path(tempfile.mkdtemp(prefix="capture-"))
    archive = busybox_archive(folder / "busybox.tar")
    (folder / "classic").mkdir()
    with dockerd(folder / "classic") as docker:
        EXPECTED.write_text(captured(docker, archive, CASES, folder / "1"))
    programs = peers_programs()
    if programs is None:
        return
    (folder / "buildkit").mkdir()
    # With graph drivers BuildKit takes COPY --link for a plain one.
    with dockerd(folder / "buildkit", programs, "--feature", "containerd-snapshotter=true") as docker:
        EXPECTED_BUILDKIT.write_text(captured(docker, archive, BUILDKIT_CASES, folder / "2", plain=True))


if __name__ == "__main__":
    main()
