"""A session's services by name."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from engine.buildkit.caller import Caller
from proto.buildkit.services.secrets_pb2 import GetSecretRequest, GetSecretResponse
from proto.buildkit.services.secrets_pb2_grpc import add_SecretsServicer_to_server
from proto.errdefs import DeadlineExceeded, Fault, Internal, NotFound, Unavailable, Unimplemented
from tests.fakes.buildkit_session import Secrets, raw, session

_METHOD = "/moby.buildkit.secrets.v1.Secrets/GetSecret"
_SERVICE = "moby.buildkit.secrets.v1.Secrets"


def test_methods_are_known_whatever_their_letters_case() -> None:
    caller = Caller("id", "key", ["/moby.filesync.v1.FileSync/DiffCopy"])

    assert caller.supports("/moby.filesync.v1.FileSync/diffcopy")
    assert not caller.supports("/moby.filesync.v1.FileSync/TarStream")


def test_a_session_that_has_no_connection_answers_nothing() -> None:
    with pytest.raises(Unavailable), Caller("id").opened(_METHOD):
        pass


async def test_answers_large_and_small_come_and_failures_are_faults(tmp_path: Path) -> None:
    known = Secrets({"small": b"s", "large": b"l" * (9 << 20)})
    async with session(tmp_path, lambda server: add_SecretsServicer_to_server(known, server)) as caller:
        for name, value in known.values.items():
            answer = await caller.unary(_METHOD, GetSecretRequest(ID=name), GetSecretResponse)
            assert answer.data == value
        with pytest.raises(NotFound, match="secret none: not found"):
            await caller.unary(_METHOD, GetSecretRequest(ID="none"), GetSecretResponse)
        with pytest.raises(Unimplemented):
            await caller.unary("/no.such.Service/Method", GetSecretRequest(), GetSecretResponse)


@pytest.mark.parametrize(
    ("answers", "failure"), [([], Unavailable), ([b"", b""], Internal), ([b"\xff\xff"], Internal)], ids=str
)
async def test_an_answer_that_is_none_or_two_or_no_message_is_refused(
    answers: list[bytes], failure: type[Fault], tmp_path: Path
) -> None:
    async def talk(messages: Any, context: Any) -> Any:
        for answer in answers:
            yield answer

    async with session(tmp_path, raw(_SERVICE, "GetSecret", talk)) as caller:
        with pytest.raises(failure):
            await caller.unary(_METHOD, GetSecretRequest(), GetSecretResponse)


async def test_a_session_speaks_when_its_settings_have_come_or_it_is_gone(tmp_path: Path) -> None:
    async with session(tmp_path) as caller:
        await asyncio.wait_for(caller.speaks(), 30)
        assert not caller.closed.is_set()
    silent = Caller("id")
    waiting = asyncio.ensure_future(silent.speaks())
    await asyncio.sleep(0)
    assert not waiting.done()
    silent._connection.connection_lost(None)
    await waiting
    assert silent.closed.is_set()


async def test_nobody_waits_for_ever(tmp_path: Path) -> None:
    async with session(tmp_path, raw(_SERVICE, "GetSecret", _never)) as caller:
        with pytest.raises(DeadlineExceeded):
            await caller.unary(_METHOD, GetSecretRequest(), GetSecretResponse, timeout=0.2)


async def _never(messages: Any, context: Any) -> Any:
    await asyncio.Event().wait()
    yield b""
