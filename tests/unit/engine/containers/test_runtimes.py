"""Runtime names."""

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
