"""lowrt for a user who is not root: a user namespace of his own, and no cgroup."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import needs
from tests.contract.oci_runtime import make_rootfs
from tests.integration.lowrt.runtimes import LOWRT

pytestmark = [needs.root, needs.binary("busybox")]

NOBODY = 65534


class User:
    """A folder that belongs to nobody, and lowrt run as him in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*LOWRT, "--root", str(self.folder / "state"), *words],
            cwd=self.folder,
            env={"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
            user=NOBODY,
            group=NOBODY,
            extra_groups=[],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )


@pytest.fixture
def user() -> Iterator[User]:
    folder = Path(tempfile.mkdtemp(prefix="wherry-rootless-"))
    make_rootfs(folder / "rootfs")
    for path in (folder, *folder.rglob("*")):
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    user = User(folder)
    assert user("spec", "--rootless").returncode == 0
    config = folder / "config.json"
    config.write_text(
        config.read_text().replace('"terminal": true', '"terminal": false').replace('"sh"', '"sleep", "60"')
    )
    yield user
    user("delete", "--force", "c1")
    shutil.rmtree(folder)


def test_a_container_lives_and_is_executed_in(user: User) -> None:
    with (user.folder / "out").open("w+") as out:
        started = subprocess.run(
            [*LOWRT, "--root", str(user.folder / "state"), "run", "-d", "c1"],
            cwd=user.folder,
            user=NOBODY,
            group=NOBODY,
            extra_groups=[],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            check=False,
            timeout=60,
        )
        assert started.returncode == 0, (user.folder / "out").read_text()
    inside = user("exec", "c1", "sh", "-c", "id -u; cat /proc/self/uid_map; exit 3")
    assert inside.returncode == 3
    assert inside.stdout.split() == ["0", "0", str(NOBODY), "1"]
    assert user("kill", "c1", "KILL").returncode == 0
    assert user("delete", "--force", "c1").returncode == 0


def test_what_only_root_may_ask_for_is_refused(user: User) -> None:
    config = user.folder / "config.json"
    config.write_text(
        config.read_text().replace('{\n\t\t\t\t"type": "user"\n\t\t\t}', '{\n\t\t\t\t"type": "network"\n\t\t\t}')
    )
    refused = user("run", "c1")
    assert refused.returncode == 1
    assert "user namespace isn't enabled in the config" in refused.stderr
