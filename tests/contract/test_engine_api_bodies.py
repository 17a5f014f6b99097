"""Every endpoint's answers, field by field, in every API version that changed something (bodies.py, body_walk.py)."""

import base64
import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests import needs
from tests.contract.bodies import NEWEST, SHAPES, complaints, words
from tests.contract.body_walk import LINES, STREAM, TAR, Question, ask, prepare, reads, verbs
from tests.engine_process import Engine

pytestmark = [needs.root, needs.binary("docker"), needs.overlay]

OLDEST = 24


def versions_of_change() -> list[int]:
    """Those in which a field comes or goes, and those before."""
    edges = {OLDEST, NEWEST}
    for shape in SHAPES:
        for word in words(shape):
            edges |= {word.since - 1, word.since, word.until, word.until + 1}
    return sorted(minor for minor in edges if OLDEST <= minor <= NEWEST)


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Our engine's socket; or that of the daemon of WHERRY_TEST_DOCKER_HOST: do the shapes hold for dockerd, too?"""
    if host := os.environ.get("WHERRY_TEST_DOCKER_HOST"):
        prepare(host.removeprefix("unix://"))
        yield host.removeprefix("unix://")
        _remove(host.removeprefix("unix://"))
        return
    folder = tmp_path_factory.mktemp("bodies")
    with Engine(folder, "--bip", "10.217.8.1/24", bridge="wbod0", netns=f"wherry-bod-{os.getpid()}") as engine:
        prepare(str(engine.socket))
        yield str(engine.socket)
        _remove(str(engine.socket))


def _remove(path: str) -> None:
    for name in ("rich", "plain", "created", "ended", "alone"):
        ask(path, "DELETE", f"/v1.44/containers/{name}?force=1&v=1")
    for what in ("images/built", "networks/walk", "volumes/walk"):
        ask(path, "DELETE", f"/v1.44/{what}")


def found(question: Question, minor: int, headers: dict[str, str], data: bytes) -> Iterator[str]:
    """What of an answer's body is not as it should be."""
    if question.kind == TAR:
        if "tar" not in headers["content-type"] and "octet-stream" not in headers["content-type"]:
            yield headers["content-type"]
    elif question.kind == LINES:
        for line in data.splitlines():
            yield from complaints("Event", json.loads(line), minor)
    elif question.kind == "PathStat":
        header = headers["x-docker-container-path-stat"]
        yield from complaints("PathStat", json.loads(base64.b64decode(header)), minor)
    elif question.kind == "":
        if data:
            yield f"{data[:100]!r} where nothing is to be said"
    elif question.kind != STREAM:
        if headers["content-type"] != "application/json":
            yield headers["content-type"]
        yield from complaints(question.kind, json.loads(data), minor)


def walk(path: str, minor: int, questions: Iterator[Question]) -> list[str]:
    """Ask them all in one version."""
    wrong = []
    for question in questions:
        status, headers, data = ask(path, question.method, f"/v1.{minor}{question.target}", question.body)
        if status != question.status:
            wrong.append(f"{question}: {status}, not {question.status}: {data[:200]!r}")
            continue
        wrong += [f"{question}: {text}" for text in dict.fromkeys(found(question, minor, headers, data))]
    return wrong


@pytest.mark.parametrize("minor", versions_of_change())
def test_what_is_read_has_the_fields_of_its_version_and_no_others(ours: str, minor: int) -> None:
    assert walk(ours, minor, reads()) == []


@pytest.mark.parametrize("minor", [24, 41, 44, 52, NEWEST])
def test_what_is_done_is_answered_as_described(ours: str, minor: int) -> None:
    assert walk(ours, minor, verbs()) == []


@pytest.mark.parametrize("minor", [24, 44, NEWEST])
def test_an_exec_before_and_after_it_ran(ours: str, minor: int) -> None:
    """Its exit code is null until there is one."""
    body: dict[str, Any] = {"Cmd": ["sh", "-c", "exit 3"], "AttachStdout": True, "User": "1"}
    made = json.loads(ask(ours, "POST", f"/v1.{minor}/containers/plain/exec", body)[2])["Id"]
    before = json.loads(ask(ours, "GET", f"/v1.{minor}/exec/{made}/json")[2])
    assert list(complaints("Exec", before, minor)) == []
    assert ask(ours, "POST", f"/v1.{minor}/exec/{made}/start", {"Detach": False})[0] == 200
    after = json.loads(ask(ours, "GET", f"/v1.{minor}/exec/{made}/json")[2])
    assert list(complaints("Exec", after, minor)) == []
    assert (before["ExitCode"], after["ExitCode"]) == (None, 3)


def test_the_table_is_understood() -> None:
    """Each type that a field has is one."""
    for shape in SHAPES:
        for word in words(shape):
            list(complaints(word.kind, None, NEWEST))


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        ("Id", {"Id": 1}, ".Id: 1 is no str"),
        ("Id", {}, ".Id: missing"),
        ("Id", {"Id": "a", "More": 1}, ".More: not in 1.56"),
        ("[Port]", [{"PrivatePort": True, "Type": "tcp"}], "[0].PrivatePort: True is no int"),
        ("Port", {"PrivatePort": 1, "Type": "udp6"}, ".Type: 'udp6' is no =tcp,udp,sctp"),
        ("Metadata", {"LastTagTime": "yesterday"}, ".LastTagTime: 'yesterday' is no time"),
        ("{str}", {"a": None}, "[a]: None is no str"),
        ("[str]", None, ": None is no list"),
    ],
)
def test_what_is_wrong_is_found(kind: str, value: Any, said: str) -> None:
    assert list(complaints(kind, value, NEWEST)) == [said]
