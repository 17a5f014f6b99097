"""Results handed on in definitions that clients do not read."""

import hashlib

import pytest

from engine.buildkit import linked
from proto.buildkit.types.ops_pb2 import Definition, Op, SourceOp
from proto.errdefs import InvalidArgument, Unimplemented


def _defs(*data: bytes) -> Definition:
    return Definition(**{"def": list(data)})


def test_a_definition_is_one_that_clients_take_and_names_its_result() -> None:
    made = linked.definition("abc")
    source, end = getattr(made, "def")
    digest = f"sha256:{hashlib.sha256(source).hexdigest()}"
    assert [each.digest for each in Op.FromString(end).inputs] == [digest]
    assert digest in made.metadata
    assert linked.ref_of(Definition.FromString(made.SerializeToString())) == "abc"


def test_other_definitions_are_refused() -> None:
    with pytest.raises(Unimplemented, match="LLB"):
        linked.ref_of(_defs(Op(source=SourceOp(identifier="git://x")).SerializeToString()))
    with pytest.raises(Unimplemented):
        linked.ref_of(Definition())
    with pytest.raises(InvalidArgument):
        linked.ref_of(_defs(b"\xff\xff"))


def test_names_of_contexts_mean_results() -> None:
    options = {"context:Base::linux/amd64": "input:k::linux/amd64", "context:src": "local:src", "target": "x"}
    inputs = {"k::linux/amd64": linked.definition("abc")}
    assert linked.contexts(options, inputs) == {"base": "abc"}
    assert linked.others(options | {"input-metadata:k": "{}"}) == {"context:src": "local:src", "target": "x"}
    with pytest.raises(InvalidArgument, match="base names the input"):
        linked.contexts(options, {})
