"""A stream of JSON lines to a client: progress messages, events."""

from typing import Any

from aiohttp import web

from engine import jsontext
from engine.api.app import HEADERS
from engine.api.call import Call


class JsonStream:
    """Headers go with the first line (or `open`), so that an error before it can still be a status."""

    def __init__(self, call: Call, content_type: str = "application/json", before: bytes = b"") -> None:
        self._call = call
        self._type = content_type
        self._before = before  # of each line
        self.response: web.StreamResponse | None = None

    async def open(self) -> web.StreamResponse:
        """Send the headers now."""
        if self.response is None:
            self.response = web.StreamResponse(headers=HEADERS | {"Content-Type": self._type})
            await self.response.prepare(self._call.request)
        return self.response

    async def send(self, document: dict[str, Any]) -> None:
        """One line."""
        response = await self.open()
        await response.write(self._before + jsontext.dumps(document) + b"\r\n")

    async def close(self) -> web.StreamResponse:
        """The end."""
        response = await self.open()
        await response.write_eof()
        return response
