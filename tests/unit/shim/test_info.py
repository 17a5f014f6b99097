"""-info."""

from google.protobuf.any_pb2 import Any

from proto import anys
from proto.containerd.types.runc.options import oci_pb2
from shim import info


def test_the_answer_names_us_and_the_runtimes_features() -> None:
    """The options come back; the runtime asked is the one they name."""
    asked: list[str] = []

    def ask(program: str) -> bytes:
        asked.append(program)
        return b'{"ociVersionMin":"1.0.0"}'

    options = anys.pack(oci_pb2.Options(binary_name="crun"))
    answer = info.describe(options, ask)
    assert answer.name == "io.containerd.wherry.v2"
    assert answer.options == options
    assert answer.features.type_url.endswith("features/Features")
    assert asked == ["crun"]


def test_a_runtime_without_features_has_none() -> None:
    """Older ones lack the verb."""
    assert not info.describe(Any(), lambda _: b"").HasField("features")
