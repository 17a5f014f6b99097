"""One request, as a route sees it: the path's parts, the API version, and the query in Go's words."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from engine import gojson, jsontext
from engine.api.versions import Version
from engine.filters import Filters
from engine.gojson import Struct
from proto.errdefs import InvalidArgument

_FALSE = ("", "0", "no", "false", "none")
_BODY_LIMIT = 16 << 20
_OBJECT = Struct("object", {}, package="")  # whose fields the callee looks at


@dataclass(frozen=True, slots=True)
class Call:
    """A request that has found its route."""

    request: web.BaseRequest
    path: Mapping[str, str]
    version: Version

    def text(self, name: str, default: str = "") -> str:
        """A query parameter."""
        return self.request.query.get(name, default)

    def texts(self, name: str) -> list[str]:
        """A query parameter that may come several times."""
        return list(self.request.query.getall(name, []))

    def flag(self, name: str, *, default: bool = False) -> bool:
        """dockerd's BoolValue: everything but "", 0, no, false and none is true."""
        value = self.request.query.get(name)
        return default if value is None else value.strip().lower() not in _FALSE

    def number(self, name: str) -> int | None:
        """A number, None when it was not given."""
        value = self.request.query.get(name)
        if value is None or value == "":
            return None
        try:
            return int(value)
        except ValueError:
            raise InvalidArgument(f'strconv.Atoi: parsing "{value}": invalid syntax') from None

    def filters(self, known: Iterable[str] | None = None) -> Filters:
        """The `filters` parameter; an unknown name is refused."""
        return Filters.parse(self.request.query.get("filters"), known)

    async def body(self, limit: int = _BODY_LIMIT) -> bytes:
        """The whole body, bounded."""
        chunks, size = [], 0
        async for chunk in self.request.content.iter_any():
            size += len(chunk)
            if size > limit:
                raise InvalidArgument("request body too large")
            chunks.append(chunk)
        return b"".join(chunks)

    async def json(self, shape: Struct | None = None, *, required: bool = False) -> dict[str, Any]:
        """The body as an object, in a shape where one is given; an empty one is {} unless it is required."""
        data = await self.body()
        kind = self.request.content_type
        if data.strip() and kind != "application/json" and self.request.headers.get("Content-Type"):
            raise InvalidArgument(f"unsupported Content-Type header ({kind}): must be 'application/json'")
        if not data.strip():
            if required:
                raise InvalidArgument("invalid JSON: got EOF while reading request body")
            return {}
        try:
            document = jsontext.loads(data)
        except ValueError as error:
            torn = getattr(error, "pos", 0) >= len(data.rstrip()) or "Unterminated string" in str(error)
            raise InvalidArgument(f"invalid JSON: {'unexpected EOF' if torn else error}") from None
        if document is None:
            return {}
        return gojson.read(shape or _OBJECT, document)
