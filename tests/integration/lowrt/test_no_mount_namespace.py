"""A container without a mount namespace: mounted where the caller is, as by runc, and taken away again."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import needs
from tests.integration.lowrt.environment import LOWRT, Bundle

pytestmark = [needs.root, needs.binary("busybox")]

NULL = subprocess.DEVNULL


@pytest.fixture
def shared(bundle: Bundle) -> Bundle:
    """The fixture below it proves that no mount is left."""
    bundle.linux["namespaces"].remove({"type": "mount"})
    return bundle


def mounts_on(path: Path) -> list[str]:
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [line.split()[4] for line in lines if f" {path}" in line]


def above(path: Path) -> list[str]:
    """The host's own mounts that the path is on, with the propagation that each has."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [line for line in lines if Path(line.split()[4]) in path.parents]


def test_it_runs_in_its_root_and_the_hosts_mounts_stay_as_they_are(shared: Bundle) -> None:
    before = above(shared.rootfs)
    shared.config["root"]["readonly"] = True
    output = shared.output("ls /; touch /bin/x 2>/dev/null || echo read-only; echo y > /dev/null")
    assert output.split() == ["bin", "dev", "etc", "proc", "sys", "tmp", "read-only"]
    assert above(shared.rootfs) == before


def test_its_mounts_are_the_callers_until_it_is_deleted(shared: Bundle) -> None:
    with shared.running() as container:
        found = mounts_on(shared.rootfs)
        assert {str(shared.rootfs), f"{shared.rootfs}/proc", f"{shared.rootfs}/dev"} <= set(found)
        assert container.call("exec", container.name, "ls", "/").split() == ["bin", "dev", "etc", "proc", "sys", "tmp"]
        assert container.call("exec", container.name, "sh", "-c", "cd /; cd ..; ls").count("bin") == 1
    assert mounts_on(shared.rootfs) == []


def test_a_root_that_is_a_mount_of_the_callers_is_left_to_him(shared: Bundle) -> None:
    subprocess.run(["mount", "--bind", str(shared.rootfs), str(shared.rootfs)], check=True)
    try:
        assert shared.output("echo in") == "in\n"
        assert mounts_on(shared.rootfs) == [str(shared.rootfs)]
    finally:
        subprocess.run(["umount", str(shared.rootfs)], check=True)


@pytest.mark.parametrize("key", ["maskedPaths", "readonlyPaths"])
def test_paths_of_the_hosts_procfs_are_not_masked(shared: Bundle, key: str) -> None:
    shared.linux[key] = ["/proc/sys"]
    assert "unable to restrict sys entries without a private MNT namespace" in shared.error()


def test_what_fails_leaves_no_mount(shared: Bundle) -> None:
    shared.config["process"]["args"] = ["/nope"]
    assert 'exec: "/nope"' in shared.error()


def test_a_creation_that_was_killed_is_removed_with_its_mounts(shared: Bundle, tmp_path: Path) -> None:
    """SIGKILL at the first call of some of its functions."""
    shared.shell("sleep 1000")
    shared.save()
    state = ["--root", str(shared.path / "state")]
    harness = [sys.executable, "-IS", str(Path(__file__).with_name("killed.py")), "parent"]

    def create(number: int, name: str) -> tuple[int, str]:
        with (tmp_path / "said").open("w+") as err:
            words = [*harness, str(number), *state, "create", "--bundle", str(shared.path), name]
            code = subprocess.run(words, check=False, timeout=60, stdin=NULL, stdout=NULL, stderr=err).returncode
            err.seek(0)
            return code, err.read()

    code, text = create(0, "whole")
    assert code == 0, text
    count = int(text.split()[-1])
    subprocess.run([*LOWRT, *state, "delete", "--force", "whole"], check=True)
    most = 0
    for part in (50, 70, 80, 90, 97):
        assert create(count * part // 100, f"c{part}")[0] == -signal.SIGKILL
        most = max(most, len(mounts_on(shared.rootfs)))
        subprocess.run([*LOWRT, *state, "delete", "--force", f"c{part}"], check=True)
        assert mounts_on(shared.rootfs) == [], f"{part} %"
    assert most > 1
