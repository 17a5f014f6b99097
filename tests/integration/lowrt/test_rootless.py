"""lowrt for a user who is not root: a user namespace of his own, and no cgroup."""

import json
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


def test_groups_that_cannot_be_set_are_refused(user: User) -> None:
    """Without newgidmap(1) the kernel wants them forbidden; to leave them out in silence may take a "no" away."""
    document = json.loads((user.folder / "config.json").read_text())
    document["process"]["user"]["additionalGids"] = [0]
    (user.folder / "config.json").write_text(json.dumps(document))
    refused = user("run", "c1")
    assert refused.returncode == 1
    assert "cannot set any additional groups in a rootless container" in refused.stderr


def test_what_only_root_may_ask_for_is_refused(user: User) -> None:
    config = user.folder / "config.json"
    config.write_text(
        config.read_text().replace('{\n\t\t\t\t"type": "user"\n\t\t\t}', '{\n\t\t\t\t"type": "network"\n\t\t\t}')
    )
    refused = user("run", "c1")
    assert refused.returncode == 1
    assert "user namespace isn't enabled in the config" in refused.stderr


# newuidmap(1) goes by the host's files: who is started here sees others in their place.
WITH_IDS = (
    'mount --bind "$1" /etc/subuid && mount --bind "$1" /etc/subgid && shift && '
    f'exec setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups "$@"'
)


@needs.binary("newuidmap")
@needs.binary("setpriv")
@pytest.mark.skipif(not Path("/etc/subuid").exists() or not Path("/etc/subgid").exists(), reason="needs /etc/subuid")
def test_subordinate_ids_are_mapped_and_no_others(user: User) -> None:
    ids = user.folder / "ids"
    ids.write_text("nobody:300000:1000\n")
    document = json.loads((user.folder / "config.json").read_text())
    document["process"].update(
        args=["sh", "-c", "id; cat /proc/self/uid_map /proc/self/gid_map; touch /tmp/mine"],
        user={"uid": 7, "gid": 8, "additionalGids": [9]},
    )
    document["root"]["readonly"] = False
    document["mounts"].append({"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["mode=1777"]})

    def run(size: int) -> subprocess.CompletedProcess[str]:
        for kind in ("uidMappings", "gidMappings"):
            document["linux"][kind] = [
                {"containerID": 0, "hostID": NOBODY, "size": 1},
                {"containerID": 1, "hostID": 300000, "size": size},
            ]
        (user.folder / "config.json").write_text(json.dumps(document))
        words = ["unshare", "--mount", "sh", "-c", WITH_IDS, "-", str(ids), *LOWRT]
        return subprocess.run(
            [*words, "--root", str(user.folder / "state"), "run", "c1"],
            cwd=user.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    done = run(1000)
    assert done.returncode == 0, done.stderr
    first, *maps = done.stdout.splitlines()
    assert first == "uid=7 gid=8 groups=9"
    assert [line.split() for line in maps] == [["0", str(NOBODY), "1"], ["1", "300000", "1000"]] * 2
    beyond = run(1001)
    assert beyond.returncode == 1
    assert "failed to use newuidmap: exit status 1" in beyond.stderr
    assert not (user.folder / "state" / "c1").exists()
