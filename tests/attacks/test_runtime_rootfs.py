"""Attacks on the making of a root, performed: each tries for real what an advisory describes, and must gain nothing."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lowrt.rootfs.target import MountError, Root, location, open_target
from tests import needs
from tests.contract.oci_runtime import Bundles, Runtime, listening, make_rootfs
from tests.integration.lowrt.environment import Bundle

pytestmark = [needs.root, needs.binary("busybox")]

CORE_PATTERN = Path("/proc/sys/kernel/core_pattern")

# Exchanges two names as fast as the kernel lets it, until its stdin ends.
FLIPPER = """
import ctypes, os, select, sys
libc = ctypes.CDLL(None)
a, b = os.fsencode(sys.argv[1]), os.fsencode(sys.argv[2])
print("ready", flush=True)
while not select.select([0], [], [], 0)[0]:
    for _ in range(1000):
        libc.renameat2(-100, a, -100, b, 2)
"""


@contextmanager
def flipping(first: Path, second: Path) -> Iterator[None]:
    """Two names that keep changing places."""
    with subprocess.Popen(
        [sys.executable, "-c", FLIPPER, str(first), str(second)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield
        finally:
            process.stdin.close()
            process.wait(10)


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """What an attacker would like to have something mounted or made in."""
    path = tmp_path / "outside"
    (path / "inner").mkdir(parents=True)
    (path / "file").write_text("host")
    return path


def untouched(outside: Path) -> bool:
    return sorted(path.name for path in outside.rglob("*")) == ["file", "inner"] and not any(
        str(outside) in line for line in Path("/proc/self/mountinfo").read_text().splitlines()
    )


@pytest.mark.parametrize("name", ["dev", "proc", "sys"])
def test_an_image_whose_dev_proc_or_sys_is_a_link_is_refused(bundle: Bundle, outside: Path, name: str) -> None:
    """CVE-2019-19921, CVE-2026-41579, CVE-2026-47766."""
    (bundle.rootfs / name).rmdir()
    (bundle.rootfs / name).symlink_to(outside)
    assert "must be mounted on ordinary directory" in bundle.error()
    assert untouched(outside)


def test_an_image_whose_dev_is_a_link_is_refused_even_without_a_mount_on_it(bundle: Bundle, outside: Path) -> None:
    bundle.config["mounts"] = [
        mount for mount in bundle.config["mounts"] if not mount["destination"].startswith("/dev")
    ]
    (bundle.rootfs / "dev").rmdir()
    (bundle.rootfs / "dev").symlink_to(outside)
    assert "must be mounted on ordinary directory" in bundle.error()
    assert untouched(outside)


@pytest.mark.parametrize("bait", ["link", "file", "other-device"])
def test_an_images_own_dev_null_masks_nothing(bundle: Bundle, bait: str) -> None:
    """CVE-2025-31133: masking with a /dev/null that leads to core_pattern would give it away, writable."""
    bundle.config["mounts"] = [
        mount for mount in bundle.config["mounts"] if not mount["destination"].startswith("/dev")
    ]
    null = bundle.rootfs / "dev" / "null"
    if bait == "link":
        null.symlink_to("/proc/sys/kernel/core_pattern")
    elif bait == "file":
        null.touch()
    else:
        os.mknod(null, 0o20666, os.makedev(1, 5))
    bundle.linux["maskedPaths"] = ["/proc/keys", "/proc/version"]
    before = CORE_PATTERN.read_text()
    bundle.shell("echo hacked > /proc/keys; cat /proc/sys/kernel/core_pattern")
    assert "/dev/null is invalid" in bundle.error()
    assert CORE_PATTERN.read_text() == before


def test_a_dev_null_that_keeps_changing_masks_nothing_either(bundle: Bundle) -> None:
    """CVE-2025-31133, as a race: either the real device is mounted or the container does not start."""
    bundle.config["mounts"] = [
        mount for mount in bundle.config["mounts"] if not mount["destination"].startswith("/dev")
    ]
    dev = bundle.rootfs / "dev"
    os.mknod(dev / "null", 0o20666, os.makedev(1, 3))
    (dev / "bait").symlink_to("/secret")
    (bundle.rootfs / "secret").write_text("not null")
    bundle.linux["maskedPaths"] = ["/etc/masked"]
    (bundle.rootfs / "etc" / "masked").write_text("seen")
    bundle.shell("stat -c %t:%T /etc/masked")
    with flipping(dev / "null", dev / "bait"):
        for _ in range(15):
            done = bundle.run()
            assert done.returncode != 0 or done.stdout == "1:3\n", done.stdout


def test_a_fake_procfs_gets_no_sysctl(bundle: Bundle, outside: Path) -> None:
    """CVE-2019-16884, CVE-2025-52881: without a proc mount the image's /proc is only a directory."""
    bundle.config["mounts"] = [mount for mount in bundle.config["mounts"] if mount["destination"] != "/proc"]
    fake = bundle.rootfs / "proc" / "sys" / "net" / "ipv4"
    fake.mkdir(parents=True)
    (fake / "ip_unprivileged_port_start").symlink_to(outside / "file")
    (bundle.rootfs / "proc" / "sys" / "kernel").mkdir()
    (bundle.rootfs / "proc" / "sys" / "kernel" / "shm_rmid_forced").write_text("fake")
    bundle.linux["sysctl"] = {"kernel.shm_rmid_forced": "1", "net.ipv4.ip_unprivileged_port_start": "5"}
    bundle.output("true")
    assert (outside / "file").read_text() == "host"
    assert (bundle.rootfs / "proc" / "sys" / "kernel" / "shm_rmid_forced").read_text() == "fake"


@pytest.mark.parametrize("key", ["kernel.core_pattern", "kernel/core_pattern", "net/../kernel/core_pattern"])
def test_a_sysctl_of_the_hosts_is_refused_by_every_name(bundle: Bundle, key: str) -> None:
    """CVE-2022-0811."""
    before = CORE_PATTERN.read_text()
    bundle.linux["sysctl"] = {key: "|/bin/hacked"}
    bundle.error()
    assert CORE_PATTERN.read_text() == before


@pytest.mark.parametrize("destination", ["/proc/self/attr", "/proc/sys", "/proc"])
def test_nothing_covers_procfs(bundle: Bundle, destination: str) -> None:
    """CVE-2019-16884: a volume over /proc/self/attr swallowed the label that was to be written there."""
    bundle.mount(destination, "tmpfs", "tmpfs")
    assert "cannot be mounted because it is" in bundle.error()


def test_a_mount_point_that_keeps_changing_into_a_link_leads_nowhere(tmp_path: Path, outside: Path) -> None:
    """CVE-2021-30465 and CVE-2024-45310, thousands of rounds: found or made, a mount point is inside."""
    rootfs = tmp_path / "rootfs"
    (rootfs / "volume" / "dir").mkdir(parents=True)
    (rootfs / "volume" / "link").symlink_to(os.path.relpath(outside, rootfs / "volume"))
    root = Root(str(rootfs), os.open(rootfs, os.O_PATH))
    inside = refused = 0
    with flipping(rootfs / "volume" / "dir", rootfs / "volume" / "link"):
        for number in range(3000):
            destination = ("/volume/dir/inner", f"/volume/dir/new{number % 50}/deep", f"/volume/dir/file{number % 50}")
            try:
                fd = open_target(root, destination[number % 3], is_file=number % 3 == 2)
            except (OSError, MountError):
                refused += 1
                continue
            where = location(fd)
            os.close(fd)
            assert where.startswith(str(rootfs) + "/"), where
            inside += 1
    os.close(root.fd)
    assert inside > 100
    assert untouched(outside)


def test_a_shared_volume_that_keeps_changing_gets_nothing_mounted_outside(
    bundle: Bundle, tmp_path: Path, outside: Path
) -> None:
    """CVE-2021-30465 with a whole container: a volume, and a mount inside it, while another swaps its directories."""
    volume = tmp_path / "volume"
    (volume / "dir").mkdir(parents=True)
    (volume / "link").symlink_to("/" + "../" * 20 + str(outside)[1:])
    bundle.mount("/volume", str(volume), "bind", "bind")
    bundle.mount("/volume/dir/inner", "tmpfs", "tmpfs")
    bundle.shell("true")
    with flipping(volume / "dir", volume / "link"):
        for _ in range(15):
            bundle.run()
    assert untouched(outside)


def test_dev_console_as_a_link_leads_nowhere(tmp_path: Path, outside: Path) -> None:
    """CVE-2025-52565: the terminal is mounted by fd, on what was made and not on what a link says."""
    rootfs = tmp_path / "rootfs"
    (rootfs / "dev").mkdir(parents=True)
    (rootfs / "dev" / "console").symlink_to(outside / "file")
    program = (
        "import os, sys; sys.path.insert(0, sys.argv[1])\n"
        "from lowrt.linux.namespaces import unshare\nfrom lowrt.linux import mount as m\n"
        "from lowrt.rootfs.devices import bind_console\n"
        "unshare(0x20000); m.mount('', '/', '', m.MS_PRIVATE | m.MS_REC)\n"
        "root = os.open(sys.argv[2], os.O_PATH); _, terminal = os.openpty()\n"
        "try:\n    bind_console(root, terminal)\nexcept OSError as error:\n    print(error)\n"
        "print(open('/proc/self/mountinfo').read())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(Path(__file__).parents[2]), str(rootfs)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert str(outside) not in done.stdout
    assert (outside / "file").read_text() == "host"


@pytest.mark.parametrize("bait", ["/dev/null", "/proc/sys/kernel/core_pattern", "ptmx-of-the-image", "/dev/tty"])
def test_a_terminal_comes_from_no_multiplexer_of_the_images(lowrt: Runtime, tmp_path: Path, bait: str) -> None:
    """CVE-2025-52565: what an image calls /dev/pts/ptmx is opened as nothing but a multiplexer, or not at all."""
    root = make_rootfs(tmp_path / "root")
    (root / "dev" / "pts").mkdir()
    if bait.startswith("/"):
        (root / "dev" / "pts" / "ptmx").symlink_to(bait)
    else:
        os.mknod(root / "dev" / "pts" / "ptmx", 0o20666, os.makedev(1, 3))
    bundles = Bundles(tmp_path, root)

    def change(document: dict[str, Any]) -> None:
        document["process"]["terminal"] = True
        document["mounts"] = [mount for mount in document["mounts"] if not mount["destination"].startswith("/dev")]

    before = CORE_PATTERN.read_text()
    try:
        with listening(tmp_path / "socket"):
            words = ("--console-socket", str(tmp_path / "socket"), "-b", bundles("true", change=change))
            assert lowrt("create", *words, "c1").code == 1
    finally:
        bundles.remove_cgroups()
    assert CORE_PATTERN.read_text() == before
