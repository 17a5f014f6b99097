"""The stubs' generator: which files, and the compiler's command line."""

from pathlib import Path

import pytest

from proto.generate import proto_files, protoc_arguments


def test_every_protocol_file_is_found_under_its_path_from_the_root() -> None:
    """The import lines of the stubs follow that path."""
    found = proto_files()
    assert Path("proto/ttrpc/request.proto") in found
    assert Path("proto/containerd/services/tasks/v1/tasks.proto") in found
    assert all(path.suffix == ".proto" and not path.is_absolute() for path in found)


def test_grpc_stubs_are_made_only_when_asked_for() -> None:
    """The shim's own services must not import grpc."""
    pytest.importorskip("grpc_tools", reason="needs grpcio-tools (the dev extra)")
    plain = protoc_arguments([Path("a.proto")], Path("/t"), grpc=False)
    served = protoc_arguments([Path("a.proto")], Path("/t"), grpc=True)
    assert [word for word in served if word not in plain] == ["--grpc_python_out=/t", "--mypy_grpc_out=/t"]
    assert plain[-1] == "a.proto"
