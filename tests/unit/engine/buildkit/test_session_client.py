"""A build's client by its session."""

import os
from pathlib import Path
from typing import cast

import pytest

from engine.builder.client import Made
from engine.builder.kept_contexts import KeptContexts
from engine.builder.request import Request
from engine.buildkit.caller import Caller
from engine.buildkit.session_client import Exporter, SessionClient
from engine.images.registry_auth import Credentials
from proto.buildkit.services.auth_pb2_grpc import add_AuthServicer_to_server
from proto.buildkit.services.secrets_pb2_grpc import add_SecretsServicer_to_server
from proto.buildkit.services.ssh_pb2_grpc import add_SSHServicer_to_server
from proto.errdefs import Unimplemented
from tests.fakes.buildkit_session import Agent, Auth, Files, Secrets, files, session

_NOTHING = cast(Made, None)


def _client(caller: Caller, tmp_path: Path, **options: str) -> SessionClient:
    os.makedirs(tmp_path / "tmp", exist_ok=True)
    return SessionClient(caller, KeptContexts(str(tmp_path / "kept")), str(tmp_path / "tmp"), options)


async def test_a_build_finds_all_that_the_session_serves(tmp_path: Path) -> None:
    app = tmp_path / "app"
    app.mkdir()
    (app / "Dockerfile").write_text("FROM scratch\n")
    known = Auth({"registry.example": ("me", "word")})
    serve = (
        files(Files({"context": app, "dockerfile": app})),
        lambda server: add_SecretsServicer_to_server(Secrets({"token": b"t"}), server),
        lambda server: add_SSHServicer_to_server(Agent(), server),
        lambda server: add_AuthServicer_to_server(known, server),
    )
    async with session(tmp_path, *serve) as caller:
        client = _client(caller, tmp_path)
        lines: list[dict[str, object]] = []
        client.tell = lines.append
        async with client.begun():
            assert await client.dockerfile(Request()) == client.text == "FROM scratch\n"
            assert (await client.context(frozenset({""}))).read("Dockerfile") == "FROM scratch\n"
            assert await client.secret("token") == b"t"
            assert await client.has_agent("default")
            waiting = await client.agent("default")
            assert await waiting.stream.write_out(b"ab")
            assert await waiting.stream.reader.readexactly(2) == b"ba"
            for _ in range(2):
                found = await client.credentials("registry.example")
                assert found == Credentials(username="me", password="word", server="registry.example")
            assert client.folders == frozenset()
    assert known.asked == ["registry.example"]
    assert {line["id"] for line in lines} == {"wherry.transfer"}


async def test_who_drives_the_build_says_when_its_result_may_go_on(tmp_path: Path) -> None:
    client = _client(Caller("id"), tmp_path)
    told: list[Made] = []

    async def on_solved(made: Made) -> None:
        told.append(made)

    await client.solved(_NOTHING)
    client.on_solved = on_solved
    await client.solved(_NOTHING)
    assert told == [_NOTHING]
    assert not await client.export(_NOTHING)


def test_outputs_are_known_or_refused_by_their_names() -> None:
    assert Exporter("local", {"mode": "copy", "platform-split": "false"}).number == 0
    with pytest.raises(Unimplemented, match="type=nix"):
        Exporter("nix")
    with pytest.raises(Unimplemented, match="platform-split=true"):
        Exporter("local", {"platform-split": "true"})
