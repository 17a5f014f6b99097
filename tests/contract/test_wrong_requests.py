"""Requests with one wrong value each: every field of every body, of every other type and with odd values of its own.

A wrong type is refused with 400 and the field's name; an odd value is taken or refused, and never the engine's own
mistake; what was taken can be inspected and removed. The fields are those of the engine's shapes.
`WHERRY_TEST_DOCKER_HOST=unix:///… pytest tests/contract/test_wrong_requests.py` asks a dockerd the same.
"""

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from engine.api import bodies
from engine.containers import fields, shapes
from engine.gojson import Anything, Listed, Mapped, Number, Shape, Struct, Text, Truth, Words
from tests import needs
from tests.contract.body_walk import ask
from tests.engine_process import Engine

pytestmark = [needs.root, needs.binary("docker"), needs.overlay]

Json = dict[str, Any]
Case = tuple[tuple[str | int, ...], Any]  # the way to a value in a body, and the value

_OF_TYPES: dict[str, Any] = {"number": 7, "string": "x", "bool": True, "array": [], "object": {}}
_TEXTS = ("", "-1", "a b", "/", "../x", "\x00", "ü", "x" * 5000)
_NUMBERS = (-1, 0, 1, 1 << 15, (1 << 63) - 1, -(1 << 63))


def leaves(shape: Shape, way: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Shape]]:
    """Every value that a body has a place for."""
    yield way, shape
    if isinstance(shape, Struct):
        for name, inner in shape.fields.items():
            yield from leaves(inner, (*way, name))
    elif isinstance(shape, Listed):
        yield from leaves(shape.of, (*way, 0))
    elif isinstance(shape, Mapped):
        yield from leaves(shape.of, (*way, "key"))


def kind_of(shape: Shape) -> str:
    """The JSON type that fits."""
    match shape:
        case Text():
            return "string"
        case Truth():
            return "bool"
        case Number():
            return "number"
        case Listed() | Words():
            return "array"
        case _:
            return "object"


def wrong(shape: Struct) -> Iterator[Case]:
    """A value of every other type, everywhere."""
    for way, inner in leaves(shape):
        if way and not isinstance(inner, Anything):
            fitting = {kind_of(inner), "string"} if isinstance(inner, Words) else {kind_of(inner)}
            yield from ((way, value) for kind, value in _OF_TYPES.items() if kind not in fitting)


def odd(shape: Struct) -> Iterator[Case]:
    """Values that have the right type, and are seldom meant."""
    for way, inner in leaves(shape):
        if isinstance(inner, Text):
            yield from ((way, text) for text in _TEXTS)
        elif isinstance(inner, Number):
            yield from ((way, number) for number in _NUMBERS)
        elif way:
            yield way, None


def document(case: Case) -> Any:
    """A body that has nothing but the case's value."""
    way, value = case
    for step in reversed(way):
        value = [value] if isinstance(step, int) else {step: value}
    return value


CONFIG = Struct("Config", {name: field.shape for name, field in fields.CONFIG.items() if name != "Image"})
HOST = Struct("HostConfig", {name: field.shape for name, field in fields.HOST_CONFIG.items()})
CREATE = Struct("Create", {**CONFIG.fields, "HostConfig": HOST, "NetworkingConfig": shapes.NETWORKING})
NETWORK = Struct("Network", {name: shape for name, shape in bodies.NETWORK.fields.items() if name != "Name"})


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Our engine's socket, or that of the daemon of WHERRY_TEST_DOCKER_HOST."""
    if host := os.environ.get("WHERRY_TEST_DOCKER_HOST"):
        yield host.removeprefix("unix://")
        return
    with Engine(tmp_path_factory.mktemp("wrong")) as engine:
        yield str(engine.socket)


def asked(daemon: str, target: str, body: Any) -> tuple[int, str]:
    """The status and the words; what was made is looked at, and is removed."""
    status, _, data = ask(daemon, "POST", f"/v1.51{target}", body)
    if status == 201:
        made = json.loads(data)
        thing = target.split("/")[1]
        path = f"/v1.51/{thing}/{made.get('Id') or made['Name']}"
        seen, _, shown = ask(daemon, "GET", f"{path}/json" if thing == "containers" else path)
        assert seen == 200, (body, shown)
        gone, _, said = ask(daemon, "DELETE", f"{path}?force=1&v=1" if thing == "containers" else path)
        assert gone in (200, 204), (body, said)
    return status, data.decode(errors="replace")


def container(body: Any) -> Json:
    host = {"NetworkMode": "none"}
    given = body if isinstance(body, dict) else {}
    if isinstance(given.get("HostConfig"), dict):
        given["HostConfig"] = host | given["HostConfig"]
    return {"Image": "busybox", "Cmd": ["true"], "HostConfig": host} | given


TARGETS = [
    pytest.param("/containers/create", CREATE, container, id="container"),
    pytest.param("/networks/create", NETWORK, lambda body: {"Name": "wrong"} | body, id="network"),
    pytest.param("/volumes/create", bodies.VOLUME, lambda body: {"Name": "wrong"} | body, id="volume"),
]


@pytest.mark.parametrize(("target", "shape", "whole"), TARGETS)
def test_a_value_of_the_wrong_type_is_refused_by_the_field_s_name(
    daemon: str, target: str, shape: Struct, whole: Any
) -> None:
    failures = []
    for case in wrong(shape):
        name = next(step for step in reversed(case[0]) if isinstance(step, str) and step != "key")
        status, said = asked(daemon, target, whole(document(case)))
        if status != 400 or "cannot unmarshal" not in said or name not in said:
            failures.append((case, status, said[:200]))
    assert not failures, failures[:20]


@pytest.mark.parametrize(("target", "shape", "whole"), TARGETS)
def test_an_odd_value_is_never_the_engine_s_own_mistake(daemon: str, target: str, shape: Struct, whole: Any) -> None:
    failures = []
    for case in odd(shape):
        status, said = asked(daemon, target, whole(document(case)))
        if status not in (201, 400, 403, 404, 409, 501):
            failures.append((case, status, said[:200]))
    assert not failures, failures[:20]
