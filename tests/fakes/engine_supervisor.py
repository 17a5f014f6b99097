"""A gRPC server that answers every method with what a test prepared and remembers what it was asked."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import message

from engine.supervisor_client.channel import Channel


class FakeSupervisor(grpc.GenericRpcHandler):
    """`answers[method]` is a message, a list of them for a stream, or (code, words)."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[tuple[str, bytes, dict[str, str]]] = []
        self._server: grpc.aio.Server | None = None
        self.channel: Channel | None = None

    async def start(self, folder: Path) -> Channel:
        self._server = grpc.aio.server()
        self._server.add_generic_rpc_handlers((self,))
        self._server.add_insecure_port(f"unix://{folder}/s")
        await self._server.start()
        self.channel = Channel(f"{folder}/s")
        return self.channel

    async def stop(self) -> None:
        assert self._server is not None
        assert self.channel is not None
        await self.channel.close()
        await self._server.stop(None)

    def service(self, details: Any) -> Any:
        name = details.method.rpartition("/")[2]
        answer = self.answers.get(name)
        if isinstance(answer, list):
            return grpc.unary_stream_rpc_method_handler(self._stream(name, answer))
        return grpc.unary_unary_rpc_method_handler(self._unary(name, answer))

    def _note(self, name: str, request: bytes, context: Any) -> None:
        self.asked.append((name, request, dict(context.invocation_metadata())))

    def _unary(self, name: str, answer: Any) -> Any:
        async def call(request: bytes, context: Any) -> bytes:
            self._note(name, request, context)
            if isinstance(answer, tuple):
                await context.abort(*answer)
            return b"" if answer is None else answer.SerializeToString()

        return call

    def _stream(self, name: str, answers: list[message.Message]) -> Any:
        async def call(request: bytes, context: Any) -> AsyncIterator[bytes]:
            self._note(name, request, context)
            for answer in answers:
                yield answer.SerializeToString()

        return call

    def request(self, kind: type[Any]) -> Any:
        """The last request, decoded."""
        return kind.FromString(self.asked[-1][1])
