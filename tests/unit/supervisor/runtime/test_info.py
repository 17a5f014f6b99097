"""Asking shims what they can."""

from pathlib import Path

import pytest
from google.protobuf.any_pb2 import Any

from proto.containerd.types.introspection_pb2 import RuntimeInfo, RuntimeRequest
from proto.errdefs import Fault, InvalidArgument, Unimplemented
from supervisor.core.typed import TypedValue
from supervisor.runtime.info import RuntimeInfos
from supervisor.runtime.programs import ShimPrograms

URL = "containerd.types.RuntimeRequest"


def shim(tmp_path: Path, text: str) -> str:
    path = tmp_path / "shim"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def ask(infos: RuntimeInfos, path: str, options: Any | None = None) -> RuntimeInfo:
    request = RuntimeRequest(runtime_path=path, options=options)
    answer = infos(TypedValue(URL, request.SerializeToString()))
    assert answer.type_url == "containerd.types.RuntimeInfo"
    return RuntimeInfo.FromString(answer.value)


def test_the_shim_is_asked_once_per_options(tmp_path: Path) -> None:
    (tmp_path / "answer").write_bytes(RuntimeInfo(name="x").SerializeToString())
    path = shim(tmp_path, f"echo $1 >> {tmp_path}/asked; cat >> {tmp_path}/stdin; cat {tmp_path}/answer")
    infos = RuntimeInfos(ShimPrograms("", ()))
    options = Any(type_url="t", value=b"v")
    assert [ask(infos, path).name, ask(infos, path).name, ask(infos, path, options).name] == ["x", "x", "x"]
    assert (tmp_path / "asked").read_text() == "-info\n-info\n"
    assert (tmp_path / "stdin").read_bytes() == options.SerializeToString()


@pytest.mark.parametrize(
    ("text", "words"),
    [("echo no >&2; exit 1", "-info]: exit status 1"), ("printf '\\377\\377'", "failed to unmarshal stdout")],
)
def test_a_shim_that_cannot_say_is_a_fault(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(Fault) as caught:
        ask(RuntimeInfos(ShimPrograms("", ())), shim(tmp_path, text))
    assert words in str(caught.value)


def test_other_questions_are_not_understood() -> None:
    infos = RuntimeInfos(ShimPrograms("", ()))
    with pytest.raises(Unimplemented):
        infos(TypedValue("other"))
    with pytest.raises(InvalidArgument):
        infos(TypedValue(URL, b"\xff"))
    with pytest.raises(Fault, match="failed to resolve runtime path: no runtime name"):
        infos(TypedValue(URL))
