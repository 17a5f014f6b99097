"""Runtime names."""

from pathlib import Path

import pytest

from engine.containers.runtimes import OUR_SHIM, Runtimes
from proto.containerd.types.runc.options import oci_pb2
from proto.errdefs import InvalidArgument


def test_the_default_is_our_own() -> None:
    runtime = Runtimes({}, "wherry").find("")
    assert runtime.shim == OUR_SHIM
    assert runtime.ours
    assert runtime.options is None


def test_a_configured_path_runs_under_our_shim() -> None:
    runtime = Runtimes({"mine": {"path": "/opt/crun"}}, "mine").find("mine")
    assert runtime.ours
    assert runtime.options is not None
    assert oci_pb2.Options.FromString(runtime.options.value).binary_name == "/opt/crun"


def test_a_containerd_name_is_taken_as_it_is() -> None:
    runtime = Runtimes({}, "wherry").find("io.containerd.runc.v2")
    assert (runtime.shim, runtime.ours) == ("io.containerd.runc.v2", False)


def test_unknown_names() -> None:
    with pytest.raises(InvalidArgument, match="unknown or invalid runtime name: foo"):
        Runtimes({}, "wherry").find("foo")
    with pytest.raises(InvalidArgument, match="default runtime 'foo' does not exist"):
        Runtimes({}, "foo")
    with pytest.raises(InvalidArgument, match="only path"):
        Runtimes({"x": {"path": "/x", "runtimeArgs": ["--debug"]}}, "wherry")


def test_both_names_of_our_own_are_the_same() -> None:
    """Also without runc and crun on the host."""
    table = Runtimes({}, "lowrt")
    assert table.find("wherry") == table.find("lowrt") == table.find("")


@pytest.mark.parametrize(
    "name", ["io.containerd.", "io.containerd.a/b", "io.containerd.x\ny", "containerd.runc.v2", "/bin/sh"]
)
def test_names_that_are_not_containerds(name: str) -> None:
    """A path from a client would be a program of its choice, run as root."""
    table = Runtimes({}, "wherry")
    assert not table.known(name)
    with pytest.raises(InvalidArgument, match="unknown or invalid runtime name"):
        table.find(name)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({}, "either a path or a runtimeType is needed"),
        ({"path": "/x", "runtimeType": "io.containerd.runc.v2"}, "has both runtimeType and path configured"),
        ({"path": "/x", "options": {"SystemdCgroup": True}}, "only path"),
        ({"path": "/x", "foo": 1}, "only path"),
    ],
)
def test_entries_of_the_configuration(entry: dict, words: str) -> None:
    """Each works or is refused by name."""
    with pytest.raises(InvalidArgument, match=words):
        Runtimes({"mine": entry}, "wherry")


def test_a_shim_of_another_kind_with_a_binary() -> None:
    """containerd's own options carry it."""
    entry = {"runtimeType": "io.containerd.runc.v2", "options": {"BinaryName": "/opt/runc"}}
    runtime = Runtimes({"mine": entry}, "wherry").find("mine")
    assert (runtime.shim, runtime.binary, runtime.ours) == ("io.containerd.runc.v2", "/opt/runc", False)
    assert runtime.options is not None
    assert runtime.options.type_url == "containerd.runc.v1.Options"


def test_info_names_path_or_type() -> None:
    """As `docker info` shows them."""
    shown = Runtimes({"mine": {"path": "/opt/crun"}}, "wherry").to_info()
    assert shown["mine"] == {"path": "/opt/crun"}
    assert shown["wherry"]["runtimeType"] == OUR_SHIM


def test_what_a_runtime_can_do_to_mounts_is_in_its_features(tmp_path: Path) -> None:
    """Ours can; a program says so itself; a shim that nobody knows cannot be asked."""
    for name, body in (("able", 'echo \'{"mountOptions": ["ro", "rro"]}\''), ("old", "exit 1"), ("odd", "echo no")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    runtimes = Runtimes({name: {"path": str(tmp_path / name)} for name in ("able", "old", "odd")}, "wherry")
    can = {
        name: runtimes.has_mount_option(name, "rro") for name in ("wherry", "able", "old", "odd", "io.containerd.x.v1")
    }
    assert can == {"wherry": True, "able": True, "old": False, "odd": False, "io.containerd.x.v1": False}


def test_a_restored_task_names_its_images() -> None:
    options = Runtimes({"slow": {"path": "/opt/slow"}}, "wherry").find("slow").restoring("/images")
    message = oci_pb2.Options.FromString(options.value)
    assert (message.binary_name, message.criu_image_path) == ("/opt/slow", "/images")


def test_a_shim_that_knows_no_runc_options_cannot_restore() -> None:
    with pytest.raises(InvalidArgument, match=r"runtime io\.containerd\.kata\.v2 cannot restore a checkpoint"):
        Runtimes({}, "wherry").find("io.containerd.kata.v2").restoring("/images")
