"""The client in docs/grpc-client.md is run as it stands there."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests import needs
from tests.supervisor_process import ROOT, Supervisor

pytestmark = [
    needs.root,
    needs.overlay,
    needs.binary("runc"),
    needs.binary("containerd-shim-runc-v2"),
    needs.binary("busybox"),
]

TOPICS = [
    "/snapshot/prepare",
    "/snapshot/commit",
    "/images/create",
    "/containers/create",
    "/tasks/create",
    "/tasks/start",
    "/tasks/exit",
    "/tasks/delete",
]


def client_in_the_docs() -> str:
    text = (ROOT / "docs" / "grpc-client.md").read_text()
    (block,) = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return str(block)


def test_the_documented_client_imports_runs_and_tells(
    supervisor: Supervisor, busybox_tar: Path, tmp_path: Path
) -> None:
    (tmp_path / "client.py").write_text(client_in_the_docs())
    done = subprocess.run(
        [sys.executable, "client.py", supervisor.address, str(busybox_tar), "sh", "-c", "echo hello; exit 3"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr + supervisor.tail()
    assert "hello\nexit code 3\n" in done.stdout
    seen = [line for line in done.stdout.splitlines() if line in TOPICS]
    assert list(dict.fromkeys(seen)) == TOPICS
    supervisor.ctr("images", "rm", "--sync", "docker.io/library/busybox:latest", namespace="example")


def test_the_documented_client_is_some_fifty_lines() -> None:
    code = client_in_the_docs().partition("\naddress, archive")[2]
    assert len([line for line in code.splitlines() if line.strip()]) <= 55
