"""Namespaces on the kernel: which are a container's own, the host's, or another container's."""

import os
from collections.abc import Iterator

import pytest

from tests import needs
from tests.engine_process import Engine

pytestmark = [needs.root, needs.binary("docker"), needs.overlay]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with Engine(tmp_path_factory.mktemp("namespaces")) as made:
        yield made


def namespace(engine: Engine, kind: str, *flags: str) -> str:
    run = ("run", "--rm", "--network", "none", *flags, "busybox", "readlink", f"/proc/self/ns/{kind}")
    return engine.out(*run)


def ours(kind: str) -> str:
    return os.readlink(f"/proc/self/ns/{kind}")


@pytest.mark.parametrize(
    ("kind", "flags"),
    [
        ("cgroup", ("--cgroupns", "host")),
        ("ipc", ("--ipc", "host")),
        ("pid", ("--pid", "host")),
        ("uts", ("--uts", "host")),
    ],
)
def test_the_hosts_namespace_is_the_hosts(engine: Engine, kind: str, flags: tuple[str, ...]) -> None:
    assert namespace(engine, kind, *flags) == ours(kind)


@pytest.mark.parametrize(
    ("kind", "flags"),
    [
        ("cgroup", ("--cgroupns", "private")),
        ("ipc", ()),
        ("ipc", ("--ipc", "private")),
        ("ipc", ("--ipc", "shareable")),
        ("ipc", ("--ipc", "none")),
        ("pid", ()),
        ("uts", ()),
        ("mnt", ()),
    ],
)
def test_a_private_one_is_not(engine: Engine, kind: str, flags: tuple[str, ...]) -> None:
    assert namespace(engine, kind, *flags) != ours(kind)


def test_a_private_cgroup_namespace_hides_where_it_is(engine: Engine) -> None:
    script = ("busybox", "cat", "/proc/self/cgroup")
    run = ("run", "--rm", "--network", "none")
    private = engine.out(*run, "--cgroupns", "private", *script)
    assert all(line.split(":", 2)[2] == "/" for line in private.splitlines())
    assert "docker/" in engine.out(*run, "--cgroupns", "host", *script)


def test_a_user_namespace_is_the_hosts_when_asked_for_and_refused_otherwise(engine: Engine) -> None:
    assert namespace(engine, "user", "--userns", "host") == ours("user")
    done = engine.docker("run", "--rm", "--userns", "private", "busybox", "true", check=False)
    assert done.returncode == 125
    assert "UsernsMode" in done.stderr or "USER" in done.stderr


def test_shared_memory_is_shared_with_who_joins(engine: Engine) -> None:
    engine.docker("run", "-d", "--name", "donor", "--network", "none", "--ipc", "shareable", "busybox", "sleep", "100")
    engine.docker("exec", "donor", "sh", "-c", "echo shared > /dev/shm/f")
    joined = ("run", "--rm", "--network", "none", "--ipc", "container:donor", "busybox")
    assert engine.out(*joined, "cat", "/dev/shm/f") == "shared"
    assert engine.out(*joined, "readlink", "/proc/self/ns/ipc") == engine.out(
        "exec", "donor", "readlink", "/proc/self/ns/ipc"
    )
    engine.docker("rm", "-f", "donor")


def test_a_private_ipc_namespace_is_not_joined(engine: Engine) -> None:
    engine.docker("run", "-d", "--name", "alone", "--network", "none", "--ipc", "private", "busybox", "sleep", "100")
    done = engine.docker("run", "--rm", "--network", "none", "--ipc", "container:alone", "busybox", "true", check=False)
    assert done.returncode == 125
    assert "non-shareable IPC" in done.stderr
    engine.docker("rm", "-f", "alone")


def test_no_ipc_means_no_shared_memory_of_dockers(engine: Engine) -> None:
    script = "grep -c ' /dev/shm ' /proc/mounts || true"
    assert engine.out("run", "--rm", "--network", "none", "--ipc", "none", "busybox", "sh", "-c", script) == "0"


def test_processes_are_seen_by_who_joins(engine: Engine) -> None:
    engine.docker("run", "-d", "--name", "seen", "--network", "none", "busybox", "sleep", "4321")
    found = engine.out("run", "--rm", "--network", "none", "--pid", "container:seen", "busybox", "ps", "-o", "args")
    assert "sleep 4321" in found
    engine.docker("rm", "-f", "seen")


@pytest.mark.skipif(os.path.exists("/sys/module/apparmor/parameters/enabled"), reason="the kernel has AppArmor")
def test_a_profile_of_a_module_that_the_kernel_has_not_means_nothing(engine: Engine) -> None:
    """As with dockerd."""
    flags = ("--security-opt", "apparmor=mine", "--security-opt", "label=type:svirt")
    assert engine.out("run", "--rm", "--network", "none", *flags, "busybox", "echo", "on") == "on"
