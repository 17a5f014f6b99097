"""What create decides before anything is made."""

import os
import re
from pathlib import Path

import pytest

from lowrt.container import create
from lowrt.container.create import Request, check_terminal, new_namespaces
from lowrt.errors import Fault, InvalidArgument, describe
from lowrt.linux import constants as c
from lowrt.spec.model import Spec
from tests.fakes.lowrt_containers import Stage


def spec_with(*namespaces: dict[str, str]) -> Spec:
    return Spec({"linux": {"namespaces": list(namespaces)}, "process": {"args": ["x"]}}, "/bundle")


def test_only_new_namespaces_are_cloned_and_the_cgroup_one_later() -> None:
    spec = spec_with({"type": "pid"}, {"type": "network", "path": "/proc/1/ns/net"}, {"type": "cgroup"})
    assert new_namespaces(spec) == c.CLONE_NEWPID


@pytest.mark.parametrize(
    ("detach", "terminal", "socket", "words"),
    [
        (True, True, "", "cannot allocate tty if runc will detach without setting console socket"),
        (True, False, "/s", "cannot use console socket if runc will not detach or allocate tty"),
        (False, True, "/s", "cannot use console socket if runc will not detach or allocate tty"),
    ],
)
def test_terminals_and_sockets_go_together(detach: bool, terminal: bool, socket: str, words: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        check_terminal(detach=detach, terminal=terminal, console_socket=socket)
    assert str(caught.value) == words


def test_the_right_combinations_pass() -> None:
    check_terminal(detach=True, terminal=True, console_socket="/s")
    check_terminal(detach=False, terminal=True, console_socket="")
    check_terminal(detach=True, terminal=False, console_socket="")


def test_a_missing_bundle_is_named_as_go_names_it() -> None:
    with pytest.raises(FileNotFoundError) as caught:
        create.load(Request("c1", "/nonexistent"))
    assert describe(caught.value) == "chdir /nonexistent: no such file or directory"


def test_times_are_what_go_prints() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,8}[1-9])?Z", create._now())


def test_without_a_mount_namespace_the_root_is_not_moved(tmp_path: Path) -> None:
    """It would be the host's."""
    (tmp_path / "rootfs").mkdir()
    spec = Spec({"process": {"args": ["x"]}, "root": {"path": "rootfs"}}, str(tmp_path))
    request = Request("c1", "")
    request.no_pivot = True
    with pytest.raises(InvalidArgument, match="without a MNT namespace"):
        create.create(Stage(tmp_path).context(), request, spec)


def test_a_taken_id_is_refused_and_left_alone(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.record("c1")
    (tmp_path / "bundle" / "rootfs").mkdir(parents=True)
    document = {"process": {"args": ["x"]}, "root": {"path": "rootfs"}, "linux": {"namespaces": [{"type": "mount"}]}}
    spec = Spec(document, str(tmp_path / "bundle"))
    with pytest.raises(Exception, match="container with given ID already exists"):
        create.create(stage.context(), Request("c1", ""), spec)
    assert os.path.exists(stage.root / "c1" / "state.json")


def test_what_fails_leaves_no_directory(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    (tmp_path / "bundle" / "rootfs").mkdir(parents=True)
    document = {
        "process": {"args": ["x"]},
        "root": {"path": "rootfs"},
        "linux": {"cgroupsPath": "a:b:c", "namespaces": [{"type": "mount"}]},
    }
    spec = Spec(document, str(tmp_path / "bundle"))
    with pytest.raises(Fault, match="needs --systemd-cgroup"):
        create.create(stage.context(), Request("c1", ""), spec)
    assert not (stage.root / "c1").exists()
