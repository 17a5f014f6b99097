"""skopeo's `docker-daemon:` transport, out of the engine and back into it: it speaks API 1.22 to every daemon."""

import subprocess
from pathlib import Path

from tests import needs
from tests.engine_process import Engine

pytestmark = [needs.root, needs.binary("docker"), needs.binary("skopeo"), needs.overlay]


def skopeo(*words: str) -> str:
    """Run it; a failure shows its words."""
    done = subprocess.run(["skopeo", *words], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_image_goes_out_by_skopeo_and_comes_back_under_another_name(stack: Engine, tmp_path: Path) -> None:
    """And runs."""
    layout = f"dir:{tmp_path}/image"
    skopeo("copy", "--src-daemon-host", stack.host, "docker-daemon:busybox:latest", layout)
    skopeo("copy", "--dest-daemon-host", stack.host, layout, "docker-daemon:carried:latest")
    try:
        assert stack.out("run", "--rm", "--network", "none", "carried", "echo", "there") == "there"
        assert skopeo("inspect", "--config", "--daemon-host", stack.host, "docker-daemon:carried:latest")
    finally:
        stack.docker("rmi", "carried", check=False)
