"""What a build has told of itself, for everybody who asks (`Control.Status`), whenever they come."""

import asyncio
from collections.abc import AsyncIterator

from proto.buildkit.services.control_pb2 import StatusResponse


class Statuses:
    """One build's."""

    def __init__(self) -> None:
        self._told: list[StatusResponse] = []
        self._changed = asyncio.Event()
        self._ended = False

    def tell(self, status: StatusResponse) -> None:
        """To whoever listens now or later."""
        self._told.append(status)
        self._wake()

    def end(self) -> None:
        """Nothing more comes."""
        self._ended = True
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def follow(self) -> AsyncIterator[StatusResponse]:
        """All of it, until the build's end; what came together is told together."""
        seen = 0
        while True:
            changed = self._changed
            if seen < len(self._told):
                batch, seen = self._told[seen:], len(self._told)
                yield _merged(batch)
            elif self._ended:
                return
            else:
                await changed.wait()


def _merged(batch: list[StatusResponse]) -> StatusResponse:
    if len(batch) == 1:
        return batch[0]
    whole = StatusResponse()
    for each in batch:
        whole.MergeFrom(each)
    return whole
