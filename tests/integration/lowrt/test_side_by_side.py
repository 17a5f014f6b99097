"""One configuration, run by runc and by lowrt: all that a process sees of itself, and the host of it, is the same.

What differs between two runs of one runtime is taken out: numbers of processes, mounts, inodes and devices.
"""

import re
from pathlib import Path

import pytest

from tests import needs
from tests.contract.oci_runtime import Bundles, Change, Json, Runtime
from tests.integration.lowrt.runtimes import bundles, command_of, rootfs

__all__ = ["bundles", "rootfs"]  # fixtures

pytestmark = [needs.root, needs.binary("busybox"), needs.binary("runc")]

# What a process can tell of itself; a line "== name" before each.
ASK = r"""
for f in status limits cgroup uid_map gid_map setgroups oom_score_adj environ timens_offsets mountinfo; do
  echo "== $f"; cat /proc/self/$f 2>&1 | busybox tr '\0' '\n'
done
echo "== fds"; ls /proc/self/fd
echo "== id"; id; echo "== umask"; umask; echo "== names"; hostname; cat /proc/sys/kernel/domainname
for d in /dev /dev/pts /tmp /; do echo "== ls $d"; busybox ls -ln $d 2>&1; done
echo "== masked"; for f in /proc/keys /proc/tty; do busybox stat -L -c '%n %F %t:%T %a' $f 2>&1; done
echo "== sysctl"; cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/ip_unprivileged_port_start 2>&1
echo "== net"; busybox ip -o link 2>&1; busybox ip -4 -o addr 2>&1
echo "== session"; busybox awk '{ print $5, $6, $7, $8 }' /proc/self/stat
"""

# Of status: what is a matter of the moment.
MOMENTS = (
    r"^(Pid|Tgid|PPid|NSpid|NStgid|NSpgid|NSsid|Vm\w+|Rss\w+|HugetlbPages|\w*ctxt_switches|State|Threads|SigQ|x86_\w+)"
)


def plain(document: Json) -> None:
    del document


def like_dockers(document: Json) -> None:
    document["process"].update(
        user={"uid": 1000, "gid": 1001, "additionalGids": [5, 6], "umask": 23},
        rlimits=[{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}, {"type": "RLIMIT_CORE", "soft": 0, "hard": 0}],
        oomScoreAdj=500,
        env=["PATH=/bin", "A=b"],
        cwd="/tmp",
    )
    document["linux"]["namespaces"].append({"type": "cgroup"})
    document["linux"].update(
        maskedPaths=["/proc/keys", "/proc/tty", "/proc/nothing"],
        readonlyPaths=["/proc/sys", "/proc/bus"],
        sysctl={"net.ipv4.ip_unprivileged_port_start": "0", "net.ipv4.ip_forward": "1"},
        devices=[{"path": "/dev/extra", "type": "c", "major": 1, "minor": 7, "fileMode": 432, "uid": 1, "gid": 2}],
        seccomp={"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["acct"], "action": "SCMP_ACT_ERRNO"}]},
    )
    document["mounts"] += [
        {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
        {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro", "nosuid"]},
        {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": ["nosuid", "noexec", "nodev"]},
        {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["mode=1777", "size=65536k"]},
    ]
    document["root"]["readonly"] = True


def in_a_user_namespace(document: Json) -> None:
    document["linux"]["namespaces"].append({"type": "user"})
    for kind in ("uidMappings", "gidMappings"):
        document["linux"][kind] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
    document["mounts"].append({"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["ro"]})


def answers(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for part in text.split("== ")[1:]:
        name, _, body = part.partition("\n")
        found[name] = [line for line in body.splitlines() if not (name == "status" and re.match(MOMENTS, line))]
    # Go raises the soft limit of files to the hard one for itself, and its older versions left it there.
    found["limits"] = [line for line in found["limits"] if not line.startswith("Max open files")]
    found["mountinfo"] = sorted(of_mount(line) for line in found["mountinfo"])
    found["ls /dev"] = [without_times(line) for line in found["ls /dev"]]
    for place in ("/dev/pts", "/tmp", "/"):
        found[f"ls {place}"] = [without_times(line) for line in found[f"ls {place}"] if not line.startswith("total")]
    # Debian's runc gives a tmpfs the mode of what it covers, also where its options ask for another.
    found["ls /"] = [line for line in found["ls /"] if not line.endswith(" tmp")]
    return found


def of_mount(line: str) -> str:
    """Without its numbers, nor those of peer groups; the size and inodes of masks are newer than Debian's runc."""
    left, _, right = line.partition(" - ")
    fields = left.split()
    groups = [re.sub(r":\d+", "", field) for field in fields[6:]]
    kind, source, options = right.split(" ", 2)
    kept = [word for word in options.split(",") if not re.match(r"(nr_blocks|nr_inodes|size)=", word)]
    return " ".join([fields[3], fields[4], fields[5], *groups, kind, source, ",".join(kept)])


def without_times(line: str) -> str:
    return re.sub(r" \w{3} +\d+ +[\d:]+ ", " ", line)


@pytest.mark.parametrize("change", [plain, like_dockers, in_a_user_namespace])
def test_a_process_finds_the_same(tmp_path: Path, rootfs: Path, bundles: Bundles, change: Change) -> None:
    found = {}
    bundle = bundles.sh(ASK, change)
    for name in ("runc", "lowrt"):
        (tmp_path / name).mkdir()
        runtime = Runtime(name, command_of(name, rootfs), tmp_path / name, words=True)
        result = runtime("run", "-b", bundle, "c1")
        assert result.code == 0, (name, result.error)
        found[name] = answers(result.out)
    for key, lines in found["runc"].items():
        assert found["lowrt"][key] == lines, key
    assert len(found["lowrt"]) >= 20
