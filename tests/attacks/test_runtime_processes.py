"""Ways in and out that have worked on other runtimes, tried on this one."""

import hashlib
import json
import os
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import needs
from tests.attacks.watched import Watched
from tests.contract.oci_runtime import Bundles, Change, Runtime, is_running, make_rootfs
from tests.integration.lowrt.runtimes import ROOT

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


@pytest.mark.parametrize("launcher", [[], [str(ROOT / "deploy" / "bin" / "lowrt")]], ids=["python", "launcher"])
def test_the_program_of_init_is_on_a_read_only_mount(lowrt: Runtime, bundles: Bundles, launcher: list[str]) -> None:
    """CVE-2019-5736: whoever gets hold of it finds nothing to write to, whichever way it was started."""
    lowrt.command = launcher or lowrt.command
    assert lowrt("create", "-b", bundles(), "c1").code == 0
    exe = f"/proc/{lowrt.state('c1')['pid']}/exe"
    assert os.statvfs(exe).f_flag & os.ST_RDONLY
    with pytest.raises(OSError, match=r"Text file busy|Read-only file system"):
        os.open(exe, os.O_WRONLY)
    with pytest.raises(OSError, match="Read-only file system"):  # and that is so when nobody executes it any more
        os.utime(exe)


# Look into every process that is on its way in: its environment, its files, its directories.
PEEPER = """
while :; do
  for p in /proc/[0-9]*; do
    read name < $p/comm || continue
    case $name in
    lowrt*)
      found=
      busybox grep -q CANARY $p/environ && found=environment
      for f in $p/fd/* $p/cwd/* $p/root/*; do [ -e $f ] && found="$found $f"; done
      read name < $p/comm && case $name in lowrt*) echo "seen $found" ;; esac ;;  # it is still the same
    esac
  done 2>/dev/null
done
"""


def test_a_process_on_its_way_in_can_be_looked_at_by_nobody(lowrt: Runtime, bundles: Bundles) -> None:
    """CVE-2016-9962: it is among the container's processes before it is one of them."""
    log = lowrt.root / "peeper"
    environment = {**os.environ, "CANARY": "of the host"}
    with log.open("wb") as out:
        arguments = lowrt.argv("run", "-b", bundles.sh(PEEPER), "c1")
        with subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL) as peeper:
            while not lowrt("state", "c1").out or lowrt.state("c1")["status"] != "running":
                time.sleep(0.01)
            for _ in range(100):
                assert lowrt("exec", "c1", "true", env=environment).code == 0
                if log.read_text().count("seen") >= 5:
                    break
            lowrt("kill", "c1", "KILL")
            peeper.wait(60)
    assert log.read_text(), "the peeper was too slow to prove anything"
    assert set(log.read_text().splitlines()) == {"seen "}


def test_a_program_that_is_the_runtime_itself_gets_a_copy_that_cannot_be_written(
    lowrt: Runtime, bundles: Bundles, tmp_path: Path
) -> None:
    """CVE-2019-5736, the first way: an image whose program is a script of `#!/proc/self/exe`."""
    before = hashlib.sha256(INTERPRETER.read_bytes()).hexdigest()
    root = make_rootfs(tmp_path / "root")
    (root / "bin" / "evil").write_text("#!/proc/self/exe\n")
    (root / "bin" / "evil").chmod(0o755)
    for program in ("/bin/evil", "/proc/self/exe"):
        bundle = Bundles(tmp_path / program.rsplit("/", maxsplit=1)[-1], root)
        bundle.folder.mkdir()
        try:
            lowrt("run", "-d", "-b", bundle(program), "c1")
            lowrt("delete", "--force", "c1")
        finally:
            bundle.remove_cgroups()
    assert hashlib.sha256(INTERPRETER.read_bytes()).hexdigest() == before


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


@pytest.mark.parametrize(
    "user",
    [
        "-1",
        "4294967296",
        "4294967295",
        "2147483648",
        "+-1",
        "1e3",
        "٣",
        "root",
        " 0",
        "0 ",
        "0x0",
        "00:",
        "1000:",
        ":0",
        ":",
    ],
)
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
    """CVE-2019-14271: all that an interpreter or a C library opens late lies in this image; nobody opens any of it."""
    root = make_rootfs(tmp_path / "trojan")
    trojans = list(_plant(root))
    watched = Watched(trojans)
    bundles = Bundles(tmp_path, root)
    try:
        bundle = bundles("sleep", "60", change=_ask_for_everything)
        result = lowrt("run", "-d", "-b", bundle, "c1")
        assert result.code == 0, result.error
        assert lowrt("exec", "-u", "1000:1000", "--additional-gids", "7", "-e", "LANG=de_DE", "c1", "true").code == 0
        lowrt("delete", "--force", "c1")
        assert watched.opened() == set()
    finally:
        watched.close()
        bundles.remove_cgroups()
    assert not (root / "trojan-ran").exists()


def _plant(root: Path) -> Iterator[Path]:
    """Python's modules under each name of sys.path, the linker's and NSS's files, locales and converters."""
    folders = {Path(sysconfig.get_path("stdlib")), *map(Path, sys.path[1:]), ROOT}
    python = ("encodings/idna.py", "json/__init__.py", "signal.py", "traceback.py", "lowrt/seccomp/notify.py")
    names = [
        f"{folder}/{name}"
        for folder in folders
        if folder.is_absolute() and folder.suffix != ".zip"
        for name in (*python, "sitecustomize.py", "pwd.py")
    ]
    names += ["/etc/ld.so.preload", "/etc/ld.so.cache", "/etc/nsswitch.conf", "/etc/localtime", "/etc/group"]
    names += [f"/lib/x86_64-linux-gnu/{name}" for name in ("libnss_files.so.2", "libnss_compat.so.2", "libc.so.6")]
    names += ["/usr/lib/locale/locale-archive", "/usr/lib/x86_64-linux-gnu/gconv/gconv-modules"]
    names += ["/usr/share/zoneinfo/UTC", "/usr/lib/python3.11/lib-dynload/_json.cpython-311-x86_64-linux-gnu.so"]
    for name in names:
        path = Path(f"{root}{name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("open('/trojan-ran', 'w').close()\n")
        yield path


def _ask_for_everything(document: Json) -> None:
    """So much that each lazily loaded part of lowrt would be loaded now, were it not already."""
    hook = {"path": "/bin/true"}
    document["hooks"] = {point: [hook] for point in ("createRuntime", "createContainer", "startContainer", "poststart")}
    document["mounts"] += [
        {"destination": "/root", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup", "nosuid"]},
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


def test_no_number_leads_to_a_directory_of_the_host(lowrt: Runtime, bundles: Bundles) -> None:
    """CVE-2024-21626: the caller holds a thousand descriptors of the host's root, and still nobody gets in."""
    held = [os.open("/", os.O_RDONLY | os.O_DIRECTORY) for _ in range(900)]
    numbers = (3, *range(5, 24, 2), 64, 255, 511, 900)
    try:
        for fd in held:
            os.set_inheritable(fd, True)
        for number in numbers:
            change: Change = lambda d, n=number: d["process"].update(cwd=f"/proc/self/fd/{n}")  # noqa: E731
            assert lowrt("run", "-b", bundles("pwd", change=change), "c1", close_fds=False).code != 0, number
        lowrt("run", "-d", "-b", bundles(), "c2", close_fds=False)
        for number in numbers:
            for cwd in (f"/proc/self/fd/{number}", f"/proc/self/fd/{number}/../.."):
                assert lowrt("exec", "--cwd", cwd, "c2", "pwd", close_fds=False).code != 0, cwd
        out = lowrt("exec", "c2", "ls", "/proc/self/fd", close_fds=False).out
        assert out.split() == ["0", "1", "2", "3"]  # the last is the listing itself
        links = sorted(Path(f"/proc/{lowrt.state('c2')['pid']}/fd").iterdir())
        assert [link.name for link in links] == ["0", "1", "2"]
    finally:
        for fd in held:
            os.close(fd)


def test_no_capability_is_inheritable(lowrt: Runtime, bundles: Bundles) -> None:
    """CVE-2022-24769, CVE-2022-29162, CVE-2022-27650: a file's inheritable set would otherwise give them back."""

    def ambient(document: Json) -> None:
        document["process"]["user"] = {"uid": 1000, "gid": 1000}

    grep = ("grep", "CapInh", "/proc/self/status")
    assert lowrt("run", "-b", bundles(*grep, change=ambient), "c1").out.split()[1] == "0" * 16
    lowrt("run", "-d", "-b", bundles(change=ambient), "c2")
    for words in ((), ("--cap", "CAP_NET_ADMIN"), ("-u", "0"), ("-u", "1000", "--cap", "CAP_CHOWN")):
        assert lowrt("exec", *words, "c2", *grep).out.split()[1] == "0" * 16


def test_a_group_that_takes_rights_away_is_not_lost(lowrt: Runtime, bundles: Bundles, rootfs: Path) -> None:
    """CVE-2022-36109, CVE-2023-25173, CVE-2022-2990: a file that all may read but one group may not."""
    secret = rootfs / "etc" / "negative"
    secret.write_text("secret\n")
    os.chown(secret, 0, 5)
    secret.chmod(0o604)
    try:
        for groups, expected in (([5], 1), ([6], 0)):
            user = {"uid": 1000, "gid": 1000, "additionalGids": groups}
            bundle = bundles("cat", "/etc/negative", change=lambda d, u=user: d["process"].update(user=u))
            assert lowrt("run", "-b", bundle, "c1").code == expected
        user = {"uid": 1000, "gid": 1000, "additionalGids": [5]}
        lowrt("run", "-d", "-b", bundles(change=lambda d: d["process"].update(user=user)), "c2")
        assert lowrt("exec", "c2", "cat", "/etc/negative").code == 1
        assert lowrt("exec", "-u", "1000:1000", "-g", "5", "c2", "cat", "/etc/negative").code == 1
        assert lowrt("exec", "-u", "1000:5", "c2", "cat", "/etc/negative").code == 1
        assert lowrt("exec", "c2", "sh", "-c", "id -G").out.split() == ["1000", "5"]
    finally:
        secret.unlink()


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
    deadline = time.monotonic() + 30
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
            deadline = time.monotonic() + 30
            while is_running(pid):
                assert time.monotonic() < deadline
                time.sleep(0.01)
        assert lowrt("delete", "--force", f"c{step}").code == 0
        assert not pid or not is_running(pid)
        assert not state.parent.exists()
