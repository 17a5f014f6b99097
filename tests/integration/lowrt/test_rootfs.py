"""What a container finds mounted, on the real kernel; what runc gives is the measure."""

import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import needs
from tests.integration.lowrt.environment import Bundle

pytestmark = [needs.root, needs.binary("busybox")]

RUNC = [shutil.which("runc") or "runc"]


def mounts(text: str) -> dict[str, tuple[str, str]]:
    """Mount point → (flags and propagation, type and options) from mountinfo, numbers left out."""
    found = {}
    for line in text.splitlines():
        left, _, right = line.partition(" - ")
        fields = left.split(" ")
        tags = " ".join(field.split(":")[0] for field in fields[6:])
        # The tmpfs of masks: runc's older versions set no limits on it.
        options = re.sub(r",size=4k|,nr_inodes=1\b", "", right)
        found[fields[4]] = (f"{fields[3]} {fields[5]} {tags}".replace("/wherry", "/x"), options)
    return found


@needs.binary("runc")
def test_a_container_sees_the_mounts_that_runc_gives_it(bundle: Bundle, tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "inner").mkdir(parents=True)
    (data / "file").touch()
    bundle.mount("/dev/shm", "shm", "tmpfs", "nosuid", "noexec", "nodev", "mode=1777", "size=65536k")
    bundle.mount("/dev/mqueue", "mqueue", "mqueue", "nosuid", "noexec", "nodev")
    bundle.mount("/sys/fs/cgroup", "cgroup", "cgroup", "nosuid", "noexec", "nodev", "relatime", "ro")
    bundle.mount("/data", str(data), "none", "rbind", "rprivate")
    bundle.mount("/ro", str(data), "none", "bind", "ro", "nosuid", "rslave")
    bundle.mount("/etc/file", str(data / "file"), "bind", "rbind", "nodev", "noexec")
    bundle.mount("/run", "tmpfs", "tmpfs", "ro", "nosuid", "size=1m")
    bundle.linux["maskedPaths"] = ["/proc/kcore", "/proc/keys", "/sys/firmware", "/proc/acpi", "/proc/keys"]
    bundle.linux["readonlyPaths"] = ["/proc/sys", "/proc/bus"]
    bundle.config["root"]["readonly"] = True
    script = "cat /proc/self/mountinfo"
    ours, theirs = mounts(bundle.output(script)), mounts(bundle.output(script, RUNC))
    assert ours == theirs


@needs.binary("runc")
def test_dev_is_what_runc_makes_of_it(bundle: Bundle) -> None:
    bundle.linux["devices"] = [
        {"path": "/dev/pipe", "type": "p", "fileMode": 0o640, "uid": 5, "gid": 6},
        {"path": "/dev/sub/zero", "type": "c", "major": 1, "minor": 5},
        {"path": "/dev/full", "type": "c", "major": 1, "minor": 7, "fileMode": 0o400},
    ]
    script = "umask 0; for f in $(ls -A /dev /dev/sub); do stat -c '%n %F %a %u %g %t %T %N' /dev/$f; done 2>&1"
    assert bundle.output(script) == bundle.output(script, RUNC)


def test_options_of_bind_mounts_take_effect(bundle: Bundle, tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "sub").mkdir(parents=True)
    bundle.mount("/data", str(data), "bind", "rbind", "ro", "nosuid", "nodev", "noexec", "noatime", "nodiratime")
    flags = mounts(bundle.output("cat /proc/self/mountinfo"))["/data"][0]
    for flag in ("ro", "nosuid", "nodev", "noexec", "noatime", "nodiratime"):
        assert flag in flags.replace(" ", ",").split(",")


def test_recursive_attributes_reach_the_mounts_below(bundle: Bundle, tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "sub").mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(data / "sub")], check=True)
    try:
        bundle.mount("/plain", str(data), "bind", "rbind", "ro")
        bundle.mount("/deep", str(data), "bind", "rbind", "rro", "rnoexec")
        seen = mounts(bundle.output("cat /proc/self/mountinfo"))
    finally:
        subprocess.run(["umount", str(data / "sub")], check=True)
    assert seen["/plain/sub"][0].split(" ")[1].startswith("rw")
    assert seen["/deep/sub"][0].split(" ")[1].startswith("ro")
    assert "noexec" in seen["/deep/sub"][0]


@pytest.mark.parametrize(
    ("option", "tag"), [("rshared", "shared"), ("rslave", ""), ("rprivate", ""), ("unbindable", "unbindable")]
)
def test_propagation_is_set_as_asked(bundle: Bundle, tmp_path: Path, option: str, tag: str) -> None:
    data = tmp_path / "data"
    data.mkdir()
    bundle.mount("/data", str(data), "bind", "bind", option)
    assert mounts(bundle.output("cat /proc/self/mountinfo"))["/data"][0].split(" ")[2] == tag


def test_a_slave_gets_what_the_host_mounts_later_and_gives_nothing_back(bundle: Bundle, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(data)], check=True)
    subprocess.run(["mount", "--make-shared", str(data)], check=True)
    (data / "sub").mkdir()
    try:
        bundle.mount("/data", str(data), "bind", "rbind", "rslave")
        with bundle.running() as container:
            subprocess.run(["mount", "-t", "tmpfs", "later", str(data / "sub")], check=True)
            inside = Path(f"/proc/{container.pid}/mountinfo").read_text()
            subprocess.run(["umount", str(data / "sub")], check=True)
        assert "/data/sub" in mounts(inside)
    finally:
        subprocess.run(["umount", str(data)], check=True)


def test_rootfs_propagation_makes_the_root_shared(bundle: Bundle) -> None:
    bundle.linux["rootfsPropagation"] = "rshared"
    assert mounts(bundle.output("cat /proc/self/mountinfo"))["/"][0].split(" ")[2] == "shared"


def test_files_and_sockets_are_bound_to_mount_points_made_for_them(bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("hello")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        bundle.mount("/etc/deep/file", str(tmp_path / "file"), "bind", "bind")
        bundle.mount("/run/socket", str(tmp_path / "socket"), "bind", "bind")
        assert bundle.output("cat /etc/deep/file; test -S /run/socket && echo socket") == "hellosocket\n"


def test_tmpcopyup_shows_what_it_covers(bundle: Bundle) -> None:
    inner = bundle.rootfs / "var" / "inner"
    inner.mkdir(parents=True)
    (inner / "file").write_text("hello")
    (inner / "link").symlink_to("file")
    os.chown(inner / "file", 7, 8)
    (bundle.rootfs / "var").chmod(0o711)
    bundle.mount("/var", "tmpfs", "tmpfs", "tmpcopyup", "nosuid")
    script = (
        "cat /var/inner/link; stat -c ' %u %g' /var/inner/file; stat -c %a /var; touch /var/new; stat -f -c %T /var"
    )
    assert bundle.output(script) == "hello 7 8\n711\ntmpfs\n"
    assert not (bundle.rootfs / "var" / "new").exists()


def test_a_tmpfs_takes_the_mode_of_what_it_covers_unless_told(bundle: Bundle) -> None:
    (bundle.rootfs / "a").mkdir(mode=0o710)
    (bundle.rootfs / "b").mkdir(mode=0o710)
    bundle.mount("/a", "tmpfs", "tmpfs")
    bundle.mount("/b", "tmpfs", "tmpfs", "mode=1777")
    assert bundle.output("stat -c %a /a /b") == "710\n1777\n"


def test_an_idmapped_mount_shows_other_owners(bundle: Bundle, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "file").touch()
    maps = [{"containerID": 0, "hostID": 1000, "size": 100}]
    bundle.mount("/data", str(data), "bind", "bind", "idmap", uidMappings=maps, gidMappings=maps)
    bundle.shell("stat -c '%u %g' /data/file")
    done = bundle.run()
    if "maybe the filesystem used doesn't support idmap mounts" in done.stderr:
        pytest.skip("needs a filesystem that takes id mappings, which tmpfs does since Linux 6.3")
    assert done.stdout == "1000 1000\n", done.stderr


def test_a_source_opened_on_the_host_is_no_way_back_to_it(bundle: Bundle, tmp_path: Path) -> None:
    """An id-mapped source is opened before the container's mount namespace is entered, and must not stay shared."""
    data = tmp_path / "data"
    data.mkdir()
    maps = [{"containerID": 0, "hostID": 1000, "size": 100}]
    bundle.mount("/data", str(data), "bind", "rbind", "idmap", uidMappings=maps, gidMappings=maps)
    bundle.shell("cat /proc/self/mountinfo")
    subprocess.run(["mount", "--bind", str(data), str(data)], check=True)
    subprocess.run(["mount", "--make-shared", str(data)], check=True)
    try:
        done = bundle.run()
    finally:
        subprocess.run(["umount", str(data)], check=True)
    if "maybe the filesystem used doesn't support idmap mounts" in done.stderr:
        pytest.skip("needs a filesystem that takes id mappings, which tmpfs does since Linux 6.3")
    assert "shared" not in mounts(done.stdout)["/data"][0], done.stderr


@pytest.fixture
def open_bundle() -> Iterator[Bundle]:
    """A bundle that ordinary users may reach, which pytest's temporary directories are not."""
    with tempfile.TemporaryDirectory(prefix="wherry-test-") as path:
        Path(path).chmod(0o755)
        yield Bundle(Path(path) / "bundle")


def test_a_user_namespace_gets_mounts_that_its_root_may_not_look_at(open_bundle: Bundle, tmp_path: Path) -> None:
    bundle, hidden = open_bundle, tmp_path / "hidden"
    (hidden / "data").mkdir(parents=True)
    (hidden / "data" / "file").write_text("hello")
    hidden.chmod(0o700)
    bundle.linux["namespaces"].append({"type": "user"})
    for kind in ("uidMappings", "gidMappings"):
        bundle.linux[kind] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
    shutil.chown(bundle.rootfs, 100000, 100000)
    for path in bundle.rootfs.iterdir():
        os.chown(path, 100000, 100000)
    bundle.config["mounts"] = [mount for mount in bundle.config["mounts"] if mount["type"] != "sysfs"]
    bundle.mount("/data", str(hidden / "data"), "bind", "bind", "ro")
    script = (
        "cat /data/file; echo; head -c 0 /dev/null && stat -c %t:%T /dev/zero; grep -c /dev/null /proc/self/mountinfo"
    )
    assert bundle.output(script) == "hello\n1:5\n1\n"


def test_a_read_only_root_is_read_only_and_dev_too_if_asked(bundle: Bundle) -> None:
    bundle.config["root"]["readonly"] = True
    bundle.config["mounts"][1]["options"].append("ro")
    script = (
        "touch /x 2>/dev/null || echo root; touch /dev/x 2>/dev/null || echo dev; echo works > /dev/null && echo null"
    )
    assert bundle.output(script) == "root\ndev\nnull\n"


def test_sysctls_are_set_inside_and_nowhere_else(bundle: Bundle) -> None:
    before = Path("/proc/sys/kernel/shm_rmid_forced").read_text()
    bundle.linux["sysctl"] = {"kernel.shm_rmid_forced": "1", "net.ipv4.ip_unprivileged_port_start": "5"}
    bundle.linux["readonlyPaths"] = ["/proc/sys"]
    script = "cat /proc/sys/kernel/shm_rmid_forced /proc/sys/net/ipv4/ip_unprivileged_port_start"
    assert bundle.output(script) == "1\n5\n"
    assert Path("/proc/sys/kernel/shm_rmid_forced").read_text() == before


def test_masked_files_are_empty_and_masked_directories_too(bundle: Bundle) -> None:
    (bundle.rootfs / "secret").mkdir()
    (bundle.rootfs / "secret" / "key").write_text("key")
    (bundle.rootfs / "secret.txt").write_text("text")
    bundle.linux["maskedPaths"] = ["/secret", "/secret.txt", "/nowhere", "/proc/version"]
    script = "ls /secret; cat /secret.txt /proc/version; touch /secret/x 2>/dev/null || echo sealed"
    assert bundle.output(script) == "sealed\n"


def test_without_pivot_root_the_hosts_kernel_mounts_are_out_of_reach(bundle: Bundle) -> None:
    bundle.shell("cat /proc/self/mountinfo")
    bundle.save()
    name = bundle.cgroup.strip("/")
    command = ["--root", str(bundle.path / "state"), "run", "--no-pivot", "--bundle", str(bundle.path), name]
    from tests.integration.lowrt.environment import LOWRT

    done = subprocess.run([*LOWRT, *command], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    kinds = [line.partition(" - ")[2].split(" ")[0] for line in done.stdout.splitlines()]
    assert kinds.count("proc") == 1


@needs.cgroup1
def test_in_a_cgroup_namespace_the_container_is_at_the_root(bundle: Bundle) -> None:
    bundle.linux["namespaces"].append({"type": "cgroup"})
    bundle.mount("/sys/fs/cgroup", "cgroup", "cgroup", "ro", "nosuid", "noexec", "nodev")
    output = bundle.output("cat /proc/self/cgroup; cat /sys/fs/cgroup/pids/cgroup.procs | wc -l")
    assert "pids:/\n" in output
    assert int(output.splitlines()[-1]) >= 1


@pytest.mark.parametrize(
    ("mount", "words"),
    [
        (
            {"destination": "/x", "source": "/nowhere", "options": ["bind"]},
            'error mounting "/nowhere" to rootfs at "/x"',
        ),
        ({"destination": "/x", "type": "nofs", "source": "a"}, 'error mounting "a" to rootfs at "/x"'),
        ({"destination": "/", "type": "tmpfs", "source": "a"}, "is on the top of rootfs"),
        ({"destination": "/proc/self", "type": "tmpfs", "source": "a"}, "cannot be mounted because it is inside /proc"),
        ({"destination": "/x", "type": "tmpfs", "source": "a", "options": ["nonsense=1"]}, "invalid argument"),
        ({"destination": "/bin", "source": "/etc/passwd", "options": ["bind"]}, "not a directory"),
    ],
)
def test_a_mount_that_cannot_be_made_is_named(bundle: Bundle, mount: dict[str, object], words: str) -> None:
    bundle.config["mounts"].append(mount)
    assert words in bundle.error()
