"""SELinux for real, under a policy of a few lines that is enforced: labels of processes, keyrings and mounts.

Hosts without SELinux run these inside the kernel that test_uml.py boots with it.
"""

import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import needs
from tests.contract.oci_runtime import Bundles, Runtime
from tests.integration.lowrt.runtimes import bundles, command_of, rootfs

__all__ = ["bundles", "rootfs"]  # fixtures

SELINUX = Path("/sys/fs/selinux")

pytestmark = [
    needs.root,
    needs.uml,  # it loads a policy
    pytest.mark.skipif(not SELINUX.exists(), reason="needs a kernel with SELinux"),
    needs.binary("busybox"),
    needs.binary("secilc"),
]

Json = dict[str, Any]

PROCESS = "system_u:system_r:container_t:s0:c1,c2"
OTHER_PROCESS = "system_u:system_r:container_t:s0:c3"
FILES = "system_u:object_r:container_file_t:s0:c1,c2"
FOREIGN = "system_u:object_r:foreign_t:s0"


@pytest.fixture(scope="module", autouse=True)
def policy(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Loaded once and for all: a kernel cannot do without again."""
    if not (SELINUX / "load").exists():
        subprocess.run(["mount", "-t", "selinuxfs", "selinuxfs", str(SELINUX)], check=True)
    binary = tmp_path_factory.mktemp("policy") / "policy"
    source = Path(__file__).parent / "selinux.cil"
    version = min(33, int((SELINUX / "policyvers").read_text()))
    subprocess.run(["secilc", "-c", str(version), "-o", str(binary), "-f", "/dev/null", str(source)], check=True)
    fd = os.open(SELINUX / "load", os.O_WRONLY)
    os.write(fd, binary.read_bytes())
    os.close(fd)
    (SELINUX / "enforce").write_text("1")


@pytest.fixture(params=["lowrt", "runc"])
def runtime(request: pytest.FixtureRequest, tmp_path: Path, rootfs: Path, bundles: Bundles) -> Iterator[Runtime]:
    del bundles  # named so that it ends after us: its cgroups go last
    runtime = Runtime(request.param, command_of(request.param, rootfs), tmp_path, words=True)
    yield runtime
    runtime.clean_up()


def start(runtime: Runtime, bundle: str) -> None:
    result = runtime("run", "-d", "-b", bundle, "c1")
    assert result.code == 0, result.error


def labelled(document: Json) -> None:
    document["process"]["selinuxLabel"] = PROCESS
    document["linux"]["mountLabel"] = FILES
    document["linux"]["maskedPaths"] = ["/proc/tty"]
    document["mounts"].append({"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue"})


def test_processes_have_their_label_and_execs_the_same_or_their_own(runtime: Runtime, bundles: Bundles) -> None:
    start(runtime, bundles(change=labelled))
    pid = runtime.state("c1")["pid"]
    assert Path(f"/proc/{pid}/attr/current").read_text().rstrip("\0") == PROCESS
    assert runtime("exec", "c1", "cat", "/proc/self/attr/current").out.rstrip("\0") == PROCESS
    own = runtime("exec", "--process-label", OTHER_PROCESS, "c1", "cat", "/proc/self/attr/current")
    assert own.out.rstrip("\0") == OTHER_PROCESS


def test_new_file_systems_have_the_label_of_mounts(runtime: Runtime, bundles: Bundles) -> None:
    start(runtime, bundles(change=labelled))
    pid = runtime.state("c1")["pid"]
    lines = [line.split() for line in Path(f"/proc/{pid}/mountinfo").read_text().splitlines()]
    options = {fields[4]: fields[-1] for fields in lines}
    context = f'context="{FILES}"'
    assert {place: context in options[place] for place in ("/dev", "/tmp", "/proc/tty", "/proc")} == {
        "/dev": True,
        "/tmp": True,
        "/proc/tty": True,
        "/proc": False,
    }
    root = f"/proc/{pid}/root"
    for place in ("/tmp", "/dev/mqueue", "/dev/pts"):
        assert os.getxattr(root + place, "security.selinux").decode().rstrip("\0") == FILES


def test_what_a_containers_tmpfs_covers_is_copied_under_the_label(runtime: Runtime, bundles: Bundles) -> None:
    def copied(document: Json) -> None:
        labelled(document)
        mount = {"destination": "/etc", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup"]}
        document["mounts"].append(mount)

    start(runtime, bundles(change=copied))
    file = f"/proc/{runtime.state('c1')['pid']}/root/etc/passwd"
    assert os.getxattr(file, "security.selinux").decode().rstrip("\0") == FILES


def test_a_container_cannot_write_to_files_of_another_label(runtime: Runtime, bundles: Bundles) -> None:
    script = "echo mine >/tmp/x && echo written || echo refused"
    own = runtime("run", "-b", bundles.sh(script, labelled), "c1")
    assert own.out == "written\n", own.err

    def foreign(document: Json) -> None:
        labelled(document)
        document["linux"]["mountLabel"] = FOREIGN

    assert runtime("run", "-b", bundles.sh(script, foreign), "c2").out == "refused\n"


KEYRING = (
    "import ctypes; text = ctypes.create_string_buffer(256)\n"
    "assert ctypes.CDLL(None).syscall(250, 17, -3, text, 256) > 0; print(text.value.decode())"  # KEYCTL_GET_SECURITY
)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the number of keyctl(2) is that of x86-64")
def test_the_session_keyring_has_the_label_of_its_process(runtime: Runtime, bundles: Bundles) -> None:
    python = os.path.realpath(sys.executable)
    folders = [folder for folder in ("/usr", "/lib", "/lib64") if Path(folder).exists()]

    def with_python(document: Json) -> None:
        labelled(document)
        document["mounts"] += [
            {"destination": folder, "source": folder, "type": "bind", "options": ["rbind", "ro"]} for folder in folders
        ]

    start(runtime, bundles(change=with_python))
    assert runtime("exec", "c1", python, "-IS", "-c", KEYRING).out == f"{PROCESS}\n"
    assert runtime("run", "-b", bundles(python, "-IS", "-c", KEYRING, change=with_python), "c2").out == f"{PROCESS}\n"


@pytest.mark.parametrize("label", ["nonsense", "system_u:system_r:unknown_t:s0"])
def test_a_label_that_the_policy_does_not_know_is_refused(runtime: Runtime, bundles: Bundles, label: str) -> None:
    bundle = bundles(change=lambda d: d["process"].update(selinuxLabel=label))
    result = runtime("run", "-b", bundle, "c1")
    assert result.code == 1
    assert result.error.endswith("invalid argument")
    assert runtime("state", "c1").code == 1
