"""What lowrt prints is what the specification's own JSON schema allows, and what the schema refuses lowrt refuses."""

import copy
import json
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from lowrt.errors import Fault
from lowrt.spec.load import parse_spec
from lowrt.spec.validate import validate
from tests import needs
from tests.contract.oci_runtime import Bundles, Runtime
from tests.integration.lowrt.runtimes import LOWRT, bundles, lowrt, rootfs

__all__ = ["bundles", "lowrt", "rootfs"]  # fixtures

Json = Any

SCHEMA = Path("/usr/share/gocode/src/github.com/opencontainers/runtime-spec/schema")

pytestmark = pytest.mark.skipif(not SCHEMA.exists(), reason="needs golang-github-opencontainers-specs-dev")

_TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "null": type(None),
}


@cache
def _file(name: str) -> Json:
    return json.loads((SCHEMA / name).read_text())


def faults(value: Json, schema: Json, name: str, where: str = "") -> Iterator[str]:
    """Each way in which the value is not what the schema (draft 4, the words of it that are used here) describes."""
    if "$ref" in schema:
        other, _, path = schema["$ref"].partition("#")
        found = _file(other or name)
        for word in filter(None, path.split("/")):
            found = found[word]
        yield from faults(value, found, other or name, where)
    if not _is_of_type(value, schema.get("type")):
        yield f"{where}: {value!r} is no {schema['type']}"
        return
    yield from _wrong_values(value, schema, where)
    for part in schema.get("allOf") or ():
        yield from faults(value, part, name, where)
    if "anyOf" in schema and all(list(faults(value, part, name, where)) for part in schema["anyOf"]):
        yield f"{where}: {value!r} is none of the kinds it may be"
    if isinstance(value, dict):
        yield from (f"{where}: {key} is missing" for key in schema.get("required") or () if key not in value)
        for key, member in value.items():
            yield from faults(member, (schema.get("properties") or {}).get(key, {}), name, f"{where}/{key}")
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from faults(item, schema.get("items") or {}, name, f"{where}/{number}")


def _is_of_type(value: Json, kinds: str | list[str] | None) -> bool:
    if kinds is None:
        return True
    names = [kinds] if isinstance(kinds, str) else kinds
    return any(isinstance(value, _TYPES[name]) and (name == "boolean") == isinstance(value, bool) for name in names)


def _wrong_values(value: Json, schema: Json, where: str) -> Iterator[str]:
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where}: {value!r} is none of {schema['enum']}"
    if "minimum" in schema and not schema["minimum"] <= value <= schema.get("maximum", value):
        yield f"{where}: {value!r} is out of range"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{where}: {value!r} does not match {schema['pattern']}"
    if "minItems" in schema and len(value) < schema["minItems"]:
        yield f"{where}: too short"


def faults_of(document: Json, name: str = "config-schema.json") -> list[str]:
    return list(faults(document, _file(name), name))


@pytest.mark.parametrize("words", [["spec"], ["spec", "--rootless"]])
def test_what_spec_prints_is_valid(tmp_path: Path, words: list[str]) -> None:
    subprocess.run([*LOWRT, *words], cwd=tmp_path, check=True)
    assert faults_of(json.loads((tmp_path / "config.json").read_text())) == []


@needs.root
@needs.binary("busybox")
def test_a_hook_gets_a_valid_state(lowrt: Runtime, bundles: Bundles, tmp_path: Path) -> None:
    hook = {"path": "/bin/sh", "args": ["sh", "-c", f"cat >> {tmp_path}/states"], "env": ["PATH=/bin:/usr/bin"]}
    points = ("createRuntime", "createContainer", "poststart", "poststop")
    lowrt("run", "-b", bundles("true", change=lambda d: d.update(hooks={point: [hook] for point in points})), "c1")
    decoder, text, states = json.JSONDecoder(), (tmp_path / "states").read_text(), []
    while text.strip():
        state, end = decoder.raw_decode(text)
        states.append(state)
        text = text[end:].lstrip()
    assert len(states) == len(points)
    assert [faults_of(state, "state-schema.json") for state in states] == [[]] * len(points)


# What Go's decoder, and so every other runtime, takes though the schema does not: see each reason.
_FORGIVEN = {
    "is missing",  # Go's zero value: an absent word is an empty one
    "does not match",  # ociVersion, namespaced names: their own checks say more
}


def test_what_the_schema_refuses_is_refused(tmp_path: Path) -> None:
    """Each leaf of a default configuration becomes something of another type."""
    subprocess.run([*LOWRT, "spec"], cwd=tmp_path, check=True)
    whole = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "rootfs").mkdir()
    wrong = 0
    for path in _places(whole):
        for other in ({}, [], "text", 7, True, -1):
            document = copy.deepcopy(whole)
            _put(document, path, other)
            refused = [fault for fault in faults_of(document) if not any(word in fault for word in _FORGIVEN)]
            if not refused:
                continue
            wrong += 1
            taken = _is_taken(json.dumps(document).encode(), str(tmp_path))
            assert not taken, f"{path} = {other!r}, though {refused}"
    assert wrong > 200


def _is_taken(text: bytes, bundle: str) -> bool:
    try:
        validate(parse_spec(text, bundle))
    except Fault:
        return False
    return True


def _places(document: Json, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, value in items:
        yield (*above, key)
        yield from _places(value, (*above, key))


def _put(document: Json, path: tuple[Any, ...], value: Json) -> None:
    for key in path[:-1]:
        document = document[key]
    document[path[-1]] = value
