"""The committed stubs are what the `.proto` files give."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from proto.generate import proto_files

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.skipif(importlib.util.find_spec("grpc_tools") is None, reason="needs grpcio-tools (the dev extra)")
def test_the_stubs_are_current(tmp_path: Path) -> None:
    """Regenerated into a folder of their own, they are the same but for the generators' versions."""
    environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
    subprocess.run(
        [sys.executable, "-m", "proto.generate", str(tmp_path)],
        cwd=ROOT,
        check=True,
        env=environment,
        capture_output=True,
    )
    stale = []
    for generated in sorted(tmp_path.rglob("*_pb2.py")):
        relative = generated.relative_to(tmp_path)
        ours, fresh = ((base / relative).read_text() for base in (ROOT, tmp_path))
        if _descriptor(ours) != _descriptor(fresh):
            stale.append(str(relative))
    assert not stale, "run `make proto`; stale: " + ", ".join(stale)
    assert len(list(tmp_path.rglob("*_pb2.py"))) == len(proto_files())


def _descriptor(text: str) -> str:
    """The serialized file descriptor inside a stub, the part that is the interface."""
    found = re.search(r"AddSerializedFile\((.*)\)$", text, re.M)
    assert found, "the stub holds no descriptor"
    return found.group(1)
