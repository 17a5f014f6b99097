"""Results that another build takes for a base: bake's `contexts = {base = "target:base"}`, compose's `service:base`.

A client hands a result on as a definition in LLB, which it does not read. Ours has one source, whose name says which
result of ours is meant. Pure.
"""

import hashlib
from collections.abc import Mapping

from google.protobuf.message import DecodeError

from proto.buildkit.types.ops_pb2 import Definition, Input, Op, SourceOp
from proto.errdefs import InvalidArgument, Unimplemented

_SCHEME = "wherry-result://"
_PREFIX = "input:"


def definition(ref: str) -> Definition:
    """What a client is given for a result."""
    source = Op(source=SourceOp(identifier=f"{_SCHEME}{ref}")).SerializeToString(deterministic=True)
    digest = f"sha256:{hashlib.sha256(source).hexdigest()}"
    end = Op(inputs=[Input(digest=digest, index=0)]).SerializeToString(deterministic=True)
    made = Definition()
    getattr(made, "def").extend([source, end])
    made.metadata[digest].SetInParent()
    return made


def ref_of(given: Definition) -> str:
    """Which result it is; others than ours are refused."""
    for data in getattr(given, "def"):
        try:
            identifier = Op.FromString(data).source.identifier
        except DecodeError:
            raise InvalidArgument("a definition that is none") from None
        if identifier.startswith(_SCHEME):
            return identifier.removeprefix(_SCHEME)
    raise Unimplemented("a definition in LLB is not supported: Dockerfiles are read by the engine itself")


def contexts(options: Mapping[str, str], inputs: Mapping[str, Definition]) -> dict[str, str]:
    """The names of a build that mean results, and which ones."""
    found = {}
    for option, value in options.items():
        if option.startswith("context:") and value.startswith(_PREFIX):
            name, key = option.removeprefix("context:").partition("::")[0].lower(), value.removeprefix(_PREFIX)
            if key not in inputs:
                raise InvalidArgument(f"the build context {name} names the input {key[:80]}, which is not there")
            found[name] = ref_of(inputs[key])
    return found


def others(options: Mapping[str, str]) -> dict[str, str]:
    """The options without these."""
    return {
        name: value
        for name, value in options.items()
        if not (name.startswith("context:") and value.startswith(_PREFIX)) and not name.startswith("input-metadata:")
    }
