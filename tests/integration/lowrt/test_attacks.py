"""Ways in and out that have worked on other runtimes, tried on this one."""

import hashlib
import json
import os
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from typing import Any

import pytest

from tests import needs
from tests.contract.oci_runtime import Bundles, Runtime, is_running, make_rootfs
from tests.integration.lowrt.runtimes import bundles, lowrt, rootfs

__all__ = ["bundles", "lowrt", "rootfs"]  # fixtures

pytestmark = [needs.root, needs.binary("busybox")]

Json = dict[str, Any]

INTERPRETER = Path(os.path.realpath(sys.executable))

# Hold the file of whatever process appears, wait until it has ended, and try to write to what is held.
THIEF = """
while :; do
  for p in /proc/[0-9]*; do
    ( [ "$p" != /proc/1 ] && exec 5< $p/exe && [ "$(busybox stat -L -c %s /proc/self/fd/5)" = SIZE ] || exit 0
      echo held; busybox usleep 300000; echo x >> /proc/self/fd/5 && echo WRITTEN ) 2>/dev/null
  done
done
"""


def test_the_program_of_init_is_on_a_read_only_mount(lowrt: Runtime, bundles: Bundles) -> None:
    """CVE-2019-5736: whoever gets hold of it finds nothing to write to."""
    lowrt("create", "-b", bundles(), "c1")
    assert os.statvfs(f"/proc/{lowrt.state('c1')['pid']}/exe").f_flag & os.ST_RDONLY


def test_the_interpreter_cannot_be_overwritten_from_inside(lowrt: Runtime, bundles: Bundles) -> None:
    """CVE-2019-5736, by a thief with CAP_SYS_PTRACE: without it the file does not even open."""
    before = hashlib.sha256(INTERPRETER.read_bytes()).hexdigest()

    def arm(document: Json) -> None:
        for names in document["process"]["capabilities"].values():
            names.append("CAP_SYS_PTRACE")

    script = THIEF.replace("SIZE", str(INTERPRETER.stat().st_size))
    log = lowrt.root / "thief"
    with log.open("wb") as out:
        arguments = lowrt.argv("run", "-b", bundles.sh(script, arm), "c1")
        with subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL) as thief:
            while not lowrt("state", "c1").out or lowrt.state("c1")["status"] != "running":
                time.sleep(0.01)
            for _ in range(15):
                assert lowrt("exec", "c1", "true").code == 0
            time.sleep(0.5)
            lowrt("kill", "c1", "KILL")
            thief.wait(20)
    assert "held" in log.read_text(), "the thief was too slow to prove anything"
    assert "WRITTEN" not in log.read_text()
    assert hashlib.sha256(INTERPRETER.read_bytes()).hexdigest() == before


@pytest.mark.parametrize("user", ["-1", "4294967296", "4294967295", "2147483648", "+-1", "1e3", "٣", "root"])
def test_a_user_beyond_the_range_is_nobody(lowrt: Runtime, bundles: Bundles, user: str) -> None:
    """CVE-2024-40635: 2³² is not root. runc 1.1 thinks it is."""
    lowrt("run", "-d", "-b", bundles(), "c1")
    result = lowrt("exec", "-u", user, "c1", "id")
    assert (result.code, result.out) == (255, "")


@pytest.mark.parametrize("uid", [1 << 31, (1 << 32) - 1])
def test_a_configured_user_beyond_the_range_is_refused(lowrt: Runtime, bundles: Bundles, uid: int) -> None:
    result = lowrt("run", "-b", bundles("id", change=lambda d: d["process"]["user"].update(uid=uid)), "c1")
    assert (result.code, result.out) == (1, "")


def test_an_image_cannot_have_its_python_files_imported(lowrt: Runtime, tmp_path: Path) -> None:
    """CVE-2019-14271: everything that could be imported late lies in this image, and would tell."""
    root = make_rootfs(tmp_path / "trojan")
    folders = {Path(sysconfig.get_path("stdlib")), *map(Path, sys.path[1:]), Path(__file__).parents[3]}
    for folder in folders:
        if not folder.is_absolute() or folder.suffix == ".zip":
            continue
        for name in ("encodings/idna.py", "json/__init__.py", "signal.py", "traceback.py", "lowrt/seccomp/notify.py"):
            path = Path(f"{root}{folder}/{name}")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("open('/trojan-ran', 'w').close()\n")
    bundle = Bundles(tmp_path, root)("true", change=_ask_for_everything)
    result = lowrt("run", "-b", bundle, "c1")
    assert result.code == 0, result.error
    assert not (root / "trojan-ran").exists()


def _ask_for_everything(document: Json) -> None:
    """So much that each lazily loaded part of lowrt would be loaded now, were it not already."""
    hook = {"path": "/bin/true"}
    document["hooks"] = {point: [hook] for point in ("createRuntime", "createContainer", "startContainer", "poststart")}
    document["mounts"] += [
        {"destination": "/etc", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup", "nosuid"]},
        {"destination": "/run", "type": "bind", "source": "/tmp", "options": ["rbind", "rprivate", "rro"]},
        {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["ro"]},
        {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro"]},
    ]
    document["linux"].update(
        sysctl={"net.ipv4.ip_forward": "1"},
        maskedPaths=["/proc/keys", "/proc/bus"],
        readonlyPaths=["/proc/sys"],
        seccomp={
            "defaultAction": "SCMP_ACT_ALLOW",
            "syscalls": [{"names": ["reboot", "kexec_load"], "action": "SCMP_ACT_ERRNO"}],
        },
    )
    document["linux"]["namespaces"].append({"type": "cgroup"})
    document["process"].update(
        rlimits=[{"type": "RLIMIT_NOFILE", "soft": 64, "hard": 64}],
        ioPriority={"class": "IOPRIO_CLASS_BE", "priority": 4},
        scheduler={"policy": "SCHED_BATCH", "nice": 1},
    )
    document["domainname"] = "example.org"


def test_a_symlink_for_passwd_leads_nowhere(lowrt: Runtime, tmp_path: Path) -> None:
    """CVE-2024-9676: a passwd without end, or that never opens."""
    root = make_rootfs(tmp_path / "root")
    (root / "etc" / "passwd").unlink()
    for target in ("/dev/zero", "/proc/kmsg", "../../../../etc/shadow"):
        (root / "etc" / "passwd").symlink_to(target)
        bundle = (
            Bundles(tmp_path, root).sh("echo $HOME")
            if not (tmp_path / "bundle1").exists()
            else str(tmp_path / "bundle1")
        )
        assert lowrt("run", "-b", bundle, "c1").out == "/\n"
        (root / "etc" / "passwd").unlink()


def test_a_hook_gets_nothing_of_the_containers_environment(lowrt: Runtime, bundles: Bundles, tmp_path: Path) -> None:
    """CVE-2025-23266: LD_PRELOAD of an image in a hook of the host."""

    def plant(document: Json) -> None:
        document["process"]["env"] += ["LD_PRELOAD=/evil.so", "CANARY=1"]
        hook = {"path": "/bin/sh", "args": ["sh", "-c", f"env >> {tmp_path}/env"], "env": ["MINE=1"]}
        document["hooks"] = {point: [hook] for point in ("createRuntime", "createContainer", "poststart", "poststop")}

    assert lowrt("run", "-b", bundles("true", change=plant), "c1").code == 0
    seen = (tmp_path / "env").read_text()
    assert seen.count("MINE=1") == 4
    assert "CANARY" not in seen
    assert "LD_PRELOAD" not in seen


def test_the_makers_death_leaves_nothing_running(lowrt: Runtime, bundles: Bundles, tmp_path: Path) -> None:
    """SIGKILL in the middle of create."""
    hook = {
        "path": "/bin/sh",
        "args": ["sh", "-c", f"echo > {tmp_path}/reached; sleep 30"],
        "env": ["PATH=/bin:/usr/bin"],
    }
    bundle = bundles(change=lambda d: d.update(hooks={"createRuntime": [hook]}))
    with subprocess.Popen(lowrt.argv("create", "-b", bundle, "c1"), stdin=subprocess.DEVNULL) as maker:
        while not (tmp_path / "reached").exists():
            time.sleep(0.01)
        pid = json.loads((lowrt.root / "state" / "c1" / "state.json").read_text())["init"]["pid"]
        assert is_running(pid)
        maker.kill()
        maker.wait(10)
    deadline = time.monotonic() + 5
    while is_running(pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert lowrt.state("c1")["status"] == "stopped"
    assert lowrt("delete", "--force", "c1").code == 0


def test_at_whatever_moment_the_maker_dies(lowrt: Runtime, bundles: Bundles) -> None:
    """The container is either there, or nothing is; and `delete` finds it."""
    bundle = bundles()
    for step in range(12):
        with subprocess.Popen(lowrt.argv("create", "-b", bundle, f"c{step}"), stdin=subprocess.DEVNULL) as maker:
            time.sleep(0.010 + 0.004 * step)
            maker.kill()
            maker.wait(10)
        state = lowrt.root / "state" / f"c{step}" / "state.json"
        pid = json.loads(state.read_text())["init"]["pid"] if state.exists() else 0
        if pid and lowrt.state(f"c{step}")["status"] != "created":
            deadline = time.monotonic() + 5
            while is_running(pid):
                assert time.monotonic() < deadline
                time.sleep(0.01)
        assert lowrt("delete", "--force", f"c{step}").code == 0
        assert not pid or not is_running(pid)
        assert not state.parent.exists()
