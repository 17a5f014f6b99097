"""The programs that the contract is asked of, and the busybox root they run on."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.contract.oci_runtime import Bundles, Runtime, make_rootfs

ROOT = Path(__file__).resolve().parents[3]
LOWRT = [sys.executable, "-IS", str(ROOT / "lowrt" / "__main__.py")]


@pytest.fixture(scope="session")
def rootfs() -> Iterator[Path]:
    """Where everybody may look, as pytest's own folders are not: ids of a user namespace are strangers there."""
    folder = Path(tempfile.mkdtemp(prefix="wherry-lowrt-"))
    folder.chmod(0o755)
    yield make_rootfs(folder / "rootfs")
    shutil.rmtree(folder)


@pytest.fixture
def bundles(tmp_path: Path, rootfs: Path) -> Iterator[Bundles]:
    bundles = Bundles(tmp_path, rootfs)
    yield bundles
    bundles.remove_cgroups()


@pytest.fixture
def lowrt(tmp_path: Path, bundles: Bundles) -> Iterator[Runtime]:
    del bundles  # named so that it ends after us: its cgroups go last
    runtime = Runtime("lowrt", LOWRT, tmp_path, words=True)
    yield runtime
    runtime.clean_up()


def command_of(name: str, rootfs: Path) -> list[str]:
    """How the runtime is called; skips where it is missing, or cannot work here."""
    if name == "lowrt":
        return LOWRT
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"needs {name} in PATH")
    if not _works(path, rootfs):
        pytest.skip(f"{name} refuses this host")
    return [path]


@cache
def _works(path: str, rootfs: Path) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        bundles = Bundles(Path(folder), rootfs)
        arguments = [path, "--root", f"{folder}/state", "run", "-b", bundles("true"), "probe"]
        try:
            return subprocess.run(arguments, check=False, capture_output=True).returncode == 0
        finally:
            bundles.remove_cgroups()
