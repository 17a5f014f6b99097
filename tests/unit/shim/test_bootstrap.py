"""What `start` is told, by every generation of containerd."""

from google.protobuf.any_pb2 import Any

from proto import anys
from proto.containerd.runtime.bootstrap.v1 import bootstrap_pb2
from proto.containerd.types.runc.options import oci_pb2
from shim import bootstrap

OPTIONS = oci_pb2.Options(binary_name="crun", shim_cgroup="/shims")


def test_nothing_is_an_old_caller_without_options() -> None:
    """1.6 without runtime options."""
    told = bootstrap.parse(b"", "c1")
    assert (told.modern, told.shim_cgroup, told.socket_root) == (False, "", "")


def test_an_any_is_an_old_caller_with_options() -> None:
    """Up to 2.2."""
    told = bootstrap.parse(anys.pack(OPTIONS).SerializeToString(), "c1")
    assert (told.modern, told.shim_cgroup) == (False, "/shims")


def test_an_any_of_another_type_has_no_cgroup() -> None:
    """Nothing is read into it."""
    assert (
        bootstrap.parse(Any(type_url="other.Options", value=b"\x1a\x01x").SerializeToString(), "c1").shim_cgroup == ""
    )


def test_params_are_told_by_their_first_field() -> None:
    """From 2.3 on; the options are in an extension, the socket's folder may be another."""
    params = bootstrap_pb2.BootstrapParams(instance_id="c1", namespace="n", socket_dir="/run/elsewhere")
    params.extensions.add().value.CopyFrom(anys.pack(OPTIONS))
    told = bootstrap.parse(params.SerializeToString(), "c1")
    assert (told.modern, told.shim_cgroup, told.socket_root) == (True, "/shims", "/run/elsewhere")


def test_the_answer_is_a_bootstrap_result() -> None:
    """Version 3, ttrpc."""
    result = bootstrap_pb2.BootstrapResult.FromString(bootstrap.result("unix:///run/s/abc"))
    assert (result.version, result.address, result.protocol) == (3, "unix:///run/s/abc", "ttrpc")
