"""AppArmor through the engine: its default profile is loaded where nobody has, and containers live under it.

Hosts without AppArmor run this inside the kernel that lowrt's test_uml.py boots with it.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import needs
from tests.engine_process import Engine
from tests.uml import load_module

SECURITY = Path("/sys/kernel/security")
ENABLED = Path("/sys/module/apparmor/parameters/enabled")

pytestmark = [
    needs.root,
    needs.uml,  # it loads a profile
    pytest.mark.skipif(not ENABLED.exists() or ENABLED.read_text()[0] != "Y", reason="needs a kernel with AppArmor"),
    needs.binary("busybox"),
    needs.binary("docker"),
    needs.binary("apparmor_parser"),
]

DEFAULT = "docker-default (enforce)"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    if not (SECURITY / "apparmor").exists():
        subprocess.run(["mount", "-t", "securityfs", "securityfs", str(SECURITY)], check=True)
    for module in ("overlay", "nf_tables"):
        load_module(module)
    with Engine(tmp_path_factory.mktemp("e"), "--iptables=false") as started:
        yield started


def test_containers_live_under_the_default_profile(engine: Engine) -> None:
    options = ("--network", "none", "--cap-add", "SYS_ADMIN")
    engine.docker(
        "run", "-d", "--name", "one", *options, "busybox", "sh", "-c", "trap 'exit 3' TERM; sleep 1000 & wait"
    )
    pid = engine.out("inspect", "-f", "{{.State.Pid}}", "one")
    assert Path(f"/proc/{pid}/attr/current").read_text().strip() == DEFAULT
    assert engine.out("inspect", "-f", "{{.AppArmorProfile}}", "one") == "docker-default"
    script = "cat /proc/self/attr/current; mount -t tmpfs t /tmp; ps | wc -l; kill -0 1 && echo signalled; touch /made"
    done = engine.docker("exec", "one", "sh", "-c", script)
    own, processes, signalled = done.stdout.split("\n")[:3]
    assert (own, int(processes) > 2, signalled) == (DEFAULT, True, "signalled")
    assert "ermission denied" in done.stderr  # mount(2), whatever the capabilities
    engine.docker("stop", "one")
    assert engine.out("inspect", "-f", "{{.State.ExitCode}}", "one") == "3"
    engine.docker("rm", "one")
    free = ("run", "--rm", *options, "--security-opt", "apparmor=unconfined", "busybox", "sh", "-c")
    assert engine.out(*free, "mount -t tmpfs t /tmp && cat /proc/self/attr/current") == "unconfined"
