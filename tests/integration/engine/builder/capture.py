"""Write expected.json anew from dockerd 20.10: `python -m tests.integration.engine.builder.capture`, as root."""

import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.daemons import unmount_below
from tests.images import busybox_archive
from tests.integration.engine.builder.corpus import CASES, Case, Docker, look

EXPECTED = Path(__file__).with_name("expected.json")


@contextlib.contextmanager
def dockerd(folder: Path) -> Iterator[Docker]:
    """A dockerd of its own, without networks."""
    host = f"unix://{folder}/sock"
    with (folder / "log").open("wb") as log:
        daemon = subprocess.Popen(
            [
                *("dockerd", "-H", host, "--data-root", str(folder / "data"), "--exec-root", str(folder / "exec")),
                *("-p", str(folder / "pid"), "--bridge", "none", "--iptables=false", "--storage-driver", "overlay2"),
            ],
            stdout=log,
            stderr=log,
        )

    def docker(*words: str, check: bool = True, text: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            ["/usr/bin/docker", "-H", host, *words],
            capture_output=True,
            check=check,
            input=text,
            env={"DOCKER_BUILDKIT": "0", "PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
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


def build(docker: Docker, case: Case, folder: Path) -> dict[str, Any]:
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
    return look(docker, "built")


def main() -> None:
    """Capture all."""
    folder = Path(tempfile.mkdtemp(prefix="capture-"))
    busybox_archive(folder / "busybox.tar")
    found, failures = {}, []
    with dockerd(folder) as docker:
        docker("load", "-i", str(folder / "busybox.tar"))
        for case in CASES:
            try:
                found[case.name] = build(docker, case, folder / "contexts")
            except AssertionError as error:
                failures.append(str(error))
    if failures:
        sys.exit("\n".join(failures))
    EXPECTED.write_text(json.dumps(found, indent=1, ensure_ascii=False, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
