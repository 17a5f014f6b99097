"""SELinux through the engine, under a small policy that is enforced: who has which label, and what it keeps apart.

Hosts without SELinux run this inside the kernel that lowrt's test_uml.py boots with it.
"""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import needs
from tests.engine_process import Engine
from tests.uml import load_module

SELINUX = Path("/sys/fs/selinux")
SETTINGS = Path("/etc/selinux")
POLICY = Path(__file__).resolve().parents[1] / "lowrt" / "selinux.cil"

pytestmark = [
    needs.root,
    needs.uml,  # it loads a policy
    pytest.mark.skipif(not SELINUX.exists(), reason="needs a kernel with SELinux"),
    needs.binary("busybox"),
    needs.binary("docker"),
    needs.binary("secilc"),
]

PROCESS, FILE = "system_u:system_r:container_t", "system_u:object_r:container_file_t"
WRITE = "echo x > /m/f && echo written || echo refused"


@pytest.fixture(scope="module", autouse=True)
def policy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The policy of lowrt's tests with all the categories that an engine chooses from; it says what containers are."""
    folder = tmp_path_factory.mktemp("policy")
    categories = [f"c{number}" for number in range(1024)]
    text = POLICY.read_text()
    for number in range(4):
        text = text.replace(f"(category c{number})\n", "")
    declared = "".join(f"(category {name})\n" for name in categories)
    text = text.replace("(categoryorder (c0 c1 c2 c3))", f"{declared}(categoryorder ({' '.join(categories)}))")
    (folder / "policy.cil").write_text(text.replace("(range c0 c3)", "(range c0 c1023)"))
    if not (SELINUX / "load").exists():
        subprocess.run(["mount", "-t", "selinuxfs", "selinuxfs", str(SELINUX)], check=True)
    version = min(33, int((SELINUX / "policyvers").read_text()))
    command = [
        "secilc",
        "-c",
        str(version),
        "-o",
        str(folder / "policy"),
        "-f",
        "/dev/null",
        str(folder / "policy.cil"),
    ]
    subprocess.run(command, check=True)
    fd = os.open(SELINUX / "load", os.O_WRONLY)
    os.write(fd, (folder / "policy").read_bytes())
    os.close(fd)
    (SELINUX / "enforce").write_text("1")
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(SETTINGS)], check=True)
    (SETTINGS / "config").write_text("SELINUXTYPE=small\n")
    (SETTINGS / "small" / "contexts").mkdir(parents=True)
    (SETTINGS / "small" / "contexts" / "lxc_contexts").write_text(f'process = "{PROCESS}:s0"\nfile = "{FILE}:s0"\n')
    yield
    subprocess.run(["umount", str(SETTINGS)], check=True)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory, policy: None) -> Iterator[Engine]:
    for module in ("overlay", "nf_tables"):
        load_module(module)
    with Engine(tmp_path_factory.mktemp("e"), "--selinux-enabled", "--iptables=false") as started:
        yield started


def label(path: Path) -> str:
    return os.getxattr(path, "security.selinux").decode().rstrip("\0")


def test_processes_and_files_have_the_labels_of_their_container(engine: Engine) -> None:
    assert "name=selinux" in engine.out("info", "-f", "{{.SecurityOptions}}")
    levels = set()
    for name, options in (("one", ()), ("own", ("--security-opt", "label=level:s0:c1,c2"))):
        engine.docker("run", "-d", "--name", name, "--network", "none", *options, "busybox", "sleep", "1000")
        shown = engine.out("inspect", "-f", "{{.State.Pid}} {{.ProcessLabel}} {{.MountLabel}}", name)
        pid, process, mount = shown.split()
        level = process.removeprefix(f"{PROCESS}:")
        levels.add(level)
        assert mount == f"{FILE}:{level}"
        assert Path(f"/proc/{pid}/attr/current").read_text().rstrip("\0") == process
        for place in ("/", "/bin/busybox", "/etc/hosts", "/dev/shm"):
            assert label(Path(f"/proc/{pid}/root{place}")) == mount, place
    assert engine.out("exec", "own", "cat", "/proc/self/attr/current").rstrip("\0") == f"{PROCESS}:s0:c1,c2"
    assert len(levels) == 2
    assert "s0:c1,c2" in levels
    engine.docker("rm", "-f", "one", "own")


def test_a_bind_is_a_containers_when_it_is_given_to_it(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    os.setxattr(tmp_path / "m", "security.selinux", b"system_u:object_r:foreign_t:s0")
    (tmp_path / "m" / "f").write_text("")
    os.setxattr(tmp_path / "m" / "f", "security.selinux", b"system_u:object_r:foreign_t:s0")

    def run(mode: str, *options: str) -> str:
        bind = f"{tmp_path}/m:/m{mode}"
        words = ("run", "--rm", "--network", "none", "-v", bind, *options, "busybox", "sh", "-c", WRITE)
        return engine.docker(*words).stdout.strip()

    assert run("") == "refused"
    assert run("", "--security-opt", "label=disable") == "written"
    assert run(":Z", "--security-opt", "label=level:s0:c3") == "written"
    assert label(tmp_path / "m" / "f") == f"{FILE}:s0:c3"
    assert run(":z") == "written"
    assert label(tmp_path / "m" / "f") == f"{FILE}:s0"


def test_what_no_label_is_made_of_is_refused(engine: Engine) -> None:
    done = engine.docker("create", "--network", "none", "--security-opt", "label=nested", "busybox", check=False)
    assert done.returncode == 1
    assert 'bad label option "nested", valid options' in done.stderr
    done = engine.docker("run", "--rm", "--network", "none", "-v", "/usr:/m:z", "busybox", "true", check=False)
    assert "SELinux relabeling of /usr is not allowed" in done.stderr
