"""AppArmor for real: profiles that are loaded confine processes, of lowrt's as of runc's; others are refused.

Hosts without AppArmor run these inside the kernel that test_uml.py boots with it.
"""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import needs
from tests.contract.oci_runtime import Bundles, Runtime
from tests.integration.lowrt.runtimes import bundles, command_of, rootfs

__all__ = ["bundles", "rootfs"]  # fixtures

ENABLED = Path("/sys/module/apparmor/parameters/enabled")

pytestmark = [
    needs.root,
    needs.uml,  # it loads profiles
    pytest.mark.skipif(not ENABLED.exists() or ENABLED.read_text() != "Y\n", reason="needs a kernel with AppArmor"),
    needs.binary("busybox"),
    needs.binary("apparmor_parser"),
]

Json = dict[str, Any]

PROFILE = """
profile {name} flags=(attach_disconnected,mediate_deleted) {{
  file,
  capability,
  network,
  signal,
  {rules}
}}
"""
SECRETLESS = "deny /etc/passwd r,"
WRITELESS = "deny /tmp/** w,"
LOOK = "cat /proc/self/attr/current; cat /etc/passwd >/dev/null && echo read; echo x >/tmp/x && echo written"


@pytest.fixture(scope="module", autouse=True)
def profiles() -> Iterator[None]:
    """Two, each with something that the other allows."""
    mounted = Path("/sys/kernel/security/apparmor").exists()
    if not mounted:
        subprocess.run(["mount", "-t", "securityfs", "securityfs", "/sys/kernel/security"], check=True)
    text = PROFILE.format(name="wherry-first", rules=SECRETLESS) + PROFILE.format(name="wherry-second", rules=WRITELESS)
    subprocess.run(["apparmor_parser", "--replace", "--skip-cache"], input=text.encode(), check=True)
    yield
    subprocess.run(["apparmor_parser", "--remove"], input=text.encode(), check=True)
    if not mounted:
        subprocess.run(["umount", "/sys/kernel/security"], check=True)


@pytest.fixture(params=["lowrt", "runc"])
def runtime(request: pytest.FixtureRequest, tmp_path: Path, rootfs: Path, bundles: Bundles) -> Iterator[Runtime]:
    del bundles  # named so that it ends after us: its cgroups go last
    runtime = Runtime(request.param, command_of(request.param, rootfs), tmp_path, words=True)
    yield runtime
    runtime.clean_up()


def confined(document: Json) -> None:
    document["process"]["apparmorProfile"] = "wherry-first"


def test_a_process_is_confined_by_its_profile(runtime: Runtime, bundles: Bundles) -> None:
    result = runtime("run", "-b", bundles.sh(LOOK, confined), "c1")
    assert (result.code, result.out) == (0, "wherry-first (enforce)\nwritten\n")
    assert "/etc/passwd" in result.err  # permission denied


def test_a_process_without_a_profile_is_not(runtime: Runtime, bundles: Bundles) -> None:
    assert runtime("run", "-b", bundles.sh(LOOK), "c1").out == "unconfined\nread\nwritten\n"


def test_execs_are_confined_as_their_container_is_or_as_they_are_told(runtime: Runtime, bundles: Bundles) -> None:
    assert runtime("run", "-d", "-b", bundles(change=confined), "c1").code == 0
    assert runtime("exec", "c1", "sh", "-c", LOOK).out == "wherry-first (enforce)\nwritten\n"
    told = runtime("exec", "--apparmor", "wherry-second", "c1", "sh", "-c", LOOK)
    assert told.out == "wherry-second (enforce)\nread\n"
    assert "/tmp/x" in told.err


def test_a_fake_procfs_swallows_no_profile(tmp_path: Path, rootfs: Path, bundles: Bundles) -> None:
    """CVE-2019-16884: what an image has at /proc/self/attr was written to, and its process went unconfined."""
    fake = tmp_path / "fake"
    for folder in ("self/attr/apparmor", "thread-self/attr/apparmor"):
        (fake / folder).mkdir(parents=True)
        for file in ("exec", "../exec"):
            (fake / folder / file).touch()

    def without_proc(document: Json) -> None:
        confined(document)
        document["root"]["path"] = str(tmp_path / "root")
        document["mounts"] = [mount for mount in document["mounts"] if mount["destination"] != "/proc"]

    shutil.copytree(rootfs, tmp_path / "root", symlinks=True)
    shutil.copytree(fake, tmp_path / "root" / "proc", dirs_exist_ok=True)
    lowrt = Runtime("lowrt", command_of("lowrt", rootfs), tmp_path, words=True)
    try:
        assert lowrt("run", "-d", "-b", bundles(change=without_proc), "c1").code == 0
        pid = lowrt.state("c1")["pid"]
        assert Path(f"/proc/{pid}/attr/current").read_text() == "wherry-first (enforce)\n"
        assert all(path.read_text() == "" for path in (tmp_path / "root" / "proc").rglob("exec"))
    finally:
        lowrt.clean_up()


def test_a_profile_that_is_not_loaded_is_refused(runtime: Runtime, bundles: Bundles) -> None:
    bundle = bundles(change=lambda d: d["process"].update(apparmorProfile="wherry-unknown"))
    result = runtime("run", "-b", bundle, "c1")
    assert result.code == 1
    words = "apparmor failed to apply profile: write /proc/self/attr/apparmor/exec: no such file or directory"
    assert result.error.endswith(f"unable to apply apparmor profile: {words}")
    assert runtime("state", "c1").code == 1
    runtime("run", "-d", "-b", bundles(), "c2")
    inside = runtime("exec", "--apparmor", "wherry-unknown", "c2", "true")
    assert inside.code == 255
    assert inside.error.endswith(words)
