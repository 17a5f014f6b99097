"""Attacks by way of the kernel: cgroups, sysctls, maps without end, and what the default profile must keep out."""

import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.spec import capabilities, seccomp, security
from tests import needs
from tests.contract.oci_runtime import Bundles, Runtime, make_rootfs
from tests.integration.lowrt.environment import Bundle

pytestmark = [needs.root, needs.binary("busybox")]

Json = dict[str, Any]

CORE_PATTERN = Path("/proc/sys/kernel/core_pattern")


def in_user_namespace(document: Json) -> None:
    """Root inside is 100000 outside, with every capability over what is inside."""
    document["linux"]["namespaces"].append({"type": "user"})
    for kind in ("uidMappings", "gidMappings"):
        document["linux"][kind] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
    for names in document["process"]["capabilities"].values():
        names += ["CAP_SYS_ADMIN", "CAP_DAC_READ_SEARCH", "CAP_SETFCAP"]


@needs.cgroup1
def test_cgroups_cannot_be_changed_from_inside(bundle: Bundle) -> None:
    """CVE-2023-25809, CVE-2022-0492: neither limits nor a release_agent can be written."""
    bundle.mount("/sys/fs/cgroup", "cgroup", "cgroup", "nosuid", "noexec", "nodev", "ro")
    bundle.linux["resources"]["pids"] = {"limit": 50}
    script = (
        "cd /sys/fs/cgroup/pids; cat pids.max; echo 99 > pids.max || echo refused; "
        "mount -o remount,rw /sys/fs/cgroup/pids && echo 99 > pids.max; cat pids.max; ls release_agent || echo none"
    )
    bundle.config["process"]["capabilities"] = {}
    lines = bundle.output(f"({script}) 2>/dev/null").split()
    assert lines == ["50", "refused", "50", "none"]


@needs.cgroup1
def test_a_container_in_a_user_namespace_has_its_limits_and_cannot_lift_them(lowrt: Runtime, bundles: Bundles) -> None:
    """CVE-2025-47291, CVE-2023-25809: with every capability over its own namespace, root inside is nobody here."""

    def limit(document: Json) -> None:
        in_user_namespace(document)
        document["linux"]["namespaces"].append({"type": "cgroup"})
        document["linux"]["resources"] = {"pids": {"limit": 20}}
        document["mounts"] += [
            {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["ro"]},
            {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro"]},
        ]

    bundle = bundles("sleep", "60", change=limit)
    assert lowrt("run", "-d", "-b", bundle, "c1").code == 0
    script = (
        "cd /sys/fs/cgroup/pids; for how in ro rw; do echo 99 > pids.max; "
        "busybox mount -o remount,bind,$how . ; done; echo $$ > ../cgroup.procs; "
        "mkdir /tmp/x; busybox mount -t cgroup -o pids none /tmp/x && echo 99 > /tmp/x/pids.max; "
        "echo /bin/sh > /tmp/x/release_agent; cat /sys/fs/cgroup/pids/pids.max; "
        "i=0; while [ $i -lt 30 ]; do busybox sleep 1 & i=$((i+1)); done; echo all"
    )
    done = lowrt("exec", "c1", "sh", "-c", script)
    host = json.loads(Path(bundle, "config.json").read_text())["linux"]["cgroupsPath"]
    assert Path(f"/sys/fs/cgroup/pids{host}/pids.max").read_text() == "20\n"
    assert str(lowrt.state("c1")["pid"]) in Path(f"/sys/fs/cgroup/pids{host}/cgroup.procs").read_text().split()
    assert "20" in done.out.split()
    assert "all" not in done.out.split()
    assert "can't fork" in done.err


@needs.cgroup1
def test_a_release_agent_cannot_be_set_from_a_new_user_namespace(lowrt: Runtime, bundles: Bundles) -> None:
    """CVE-2022-0492: unshare(1), and a hierarchy mounted by the root of a namespace of one's own."""
    agents = {path: path.read_text() for path in Path("/sys/fs/cgroup").glob("*/release_agent")}
    script = (
        "busybox unshare -U -r -m -C sh -c 'mkdir /tmp/x; for c in pids memory rdma misc; do "
        "busybox mount -t cgroup -o $c c /tmp/x && echo /tmp/evil > /tmp/x/release_agent && echo DONE; done'"
    )
    assert "DONE" not in lowrt("run", "-b", bundles.sh(script), "c1").out
    assert {path: path.read_text() for path in agents} == agents


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("kernel.shm_rmid_forced", "1+kernel.core_pattern=|/tmp/evil"),
        ("kernel.shm_rmid_forced", "1\nkernel.core_pattern=|/tmp/evil"),
        ("kernel.shm_rmid_forced+kernel.core_pattern", "|/tmp/evil"),
        ("net.ipv4.conf.all.forwarding/../../../../kernel/core_pattern", "|/tmp/evil"),
    ],
)
def test_a_sysctl_carries_no_second_one(lowrt: Runtime, bundles: Bundles, key: str, value: str) -> None:
    """CVE-2022-0811."""
    before = CORE_PATTERN.read_text()
    result = lowrt("run", "-b", bundles("true", change=lambda d: d["linux"].update(sysctl={key: value})), "c1")
    assert result.code == (0 if "\n" in value else 1)  # the kernel reads a number up to the end of its line
    assert CORE_PATTERN.read_text() == before


def test_an_annotation_is_no_property_of_a_unit(lowrt: Runtime, bundles: Bundles, tmp_path: Path) -> None:
    """CVE-2024-3154: a pod's annotation became ExecStartPre of its scope."""
    evil = {"org.systemd.property.ExecStartPre": f"['/bin/touch', '{tmp_path}/evil']", "run.oci.handler": "krun"}
    bundle = bundles("echo", "ran", change=lambda d: d.update(annotations=evil))
    assert lowrt("run", "-b", bundle, "c1").out == "ran\n"
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["linux"]["namespaces"][1].update(path="/proc/self/ns/" + "n" * 70_000),
        lambda d: d["linux"]["namespaces"][1].update(path="/" + "../" * 30_000 + "proc/self/ns/net\x00"),
        lambda d: (
            in_user_namespace(d),
            d["linux"].update(uidMappings=[{"containerID": n, "hostID": n, "size": 1} for n in range(5000)]),
        ),
        lambda d: (
            in_user_namespace(d),
            d["linux"].update(gidMappings=[{"containerID": 1 << 40, "hostID": 0, "size": 1 << 40}]),
        ),
    ],
    ids=["path", "path-with-nul", "maps", "map-beyond-range"],
)
def test_what_is_longer_than_any_buffer_is_refused_in_one_line(lowrt: Runtime, bundles: Bundles, change: Any) -> None:
    """CVE-2021-43784: sixteen bits of length let a path say how it would be mapped."""
    result = lowrt("run", "-b", bundles("id", change=change), "c1")
    assert (result.code, result.out) == (1, "")
    assert result.error.startswith("runc run failed: ")
    assert "internal error" not in result.error
    assert lowrt("state", "c1").code == 1


PROBE = """
import ctypes, errno, socket
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    ctypes.set_errno(0)
    libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, arguments))
    return errno.errorcode.get(ctypes.get_errno(), "ok")
def family(number):
    return call(41, number, socket.SOCK_SEQPACKET if number == 38 else socket.SOCK_STREAM, 0)
print("inet", family(2), "alg", family(38), "vsock", family(40))
print("io_uring", call(425, 1, 0), "keyctl", call(250, 0, -3, 0), "add_key", call(248, 0, 0, 0, 0, 0),
      "bpf", call(321, 0, 0, 0), "userfaultfd", call(323, 0), "unshare", call(272, 0x10000000),
      "mount", call(165, 0, 0, 0, 0, 0), "ptrace_old_kernel", "-", "open_by_handle_at", call(304, 0, 0, 0),
      "kexec_load", call(246, 0, 0, 0, 0), "perf_event_open", call(298, 0, 0, 0, 0, 0))
"""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the probe's numbers are those of x86-64")
def test_dockers_profile_keeps_out_what_has_broken_kernels(lowrt: Runtime, tmp_path: Path) -> None:
    """CVE-2026-31431 (AF_ALG), AF_VSOCK, io_uring, keyrings, bpf: refused by the filter, not by luck."""
    root = make_rootfs(tmp_path / "root")
    python = os.path.realpath(sys.executable)
    folders = {"/usr", "/lib", "/lib64", sys.base_prefix}

    def filtered(document: Json) -> None:
        kernel = tuple(int(part) for part in platform.release().split(".")[:2])
        profile = seccomp.to_oci(
            seccomp.default_profile(), capabilities.DEFAULT, machine="x86_64", kernel=(kernel[0], kernel[1])
        )
        document["linux"]["seccomp"] = profile
        document["mounts"] += [
            {"destination": folder, "source": folder, "type": "bind", "options": ["rbind", "ro"]}
            for folder in sorted(folders)
            if Path(folder).exists()
        ]

    bundle = Bundles(tmp_path, root)(python, "-IS", "-c", PROBE, change=filtered)
    result = lowrt("run", "-b", bundle, "c1")
    assert result.code == 0, result.err
    words = result.out.split()
    answers = dict(zip(words[::2], words[1::2], strict=True))
    assert answers.pop("inet") == "ok"
    assert answers.pop("ptrace_old_kernel") == "-"
    assert {name: answer for name, answer in answers.items() if answer not in ("EPERM", "ENOSYS")} == {}


def test_the_default_masks_hide_what_measures_and_what_configures_the_host(lowrt: Runtime, bundles: Bundles) -> None:
    """RAPL counters, /proc/acpi (CVE-2018-10892), keys, firmware: each is empty, and is the mask by its inode."""
    present = [path for path in security.MASKED_PATHS if Path(path).exists()]
    assert present

    def mask(document: Json) -> None:
        document["linux"].update(maskedPaths=list(security.MASKED_PATHS), readonlyPaths=list(security.READONLY_PATHS))
        document["mounts"].append({"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["ro"]})

    script = (
        f"for p in {' '.join(present)}; do if [ -d $p ]; then busybox stat -f -c tmpfs:%t $p; ls $p | busybox wc -l; "
        "touch $p/x; else busybox stat -L -c null:%t:%T $p; busybox head -c 9 $p | busybox wc -c; fi; done; "
        "for p in /proc/sys/kernel/hostname /proc/sysrq-trigger; do echo x > $p; done"
    )
    result = lowrt("run", "-b", bundles.sh(script, mask), "c1")
    lines = result.out.split()
    assert len(lines) == 2 * len(present), result.err
    assert set(lines) <= {"tmpfs:1021994", "null:1:3", "0"}
    assert result.err.count("Read-only file system") == result.err.count("\n") - result.err.count(
        "nonexistent directory"
    )
    assert "/proc/sys/kernel/hostname: Read-only" in result.err
    assert result.err.count("/x: Read-only") == lines.count("tmpfs:1021994")
