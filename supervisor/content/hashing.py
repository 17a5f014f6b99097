"""A hash beside the work on the same bytes: hashing releases the interpreter's lock, so what is large is hashed in a
thread of its own while the caller reads, compresses or writes. Whoever asks for the digest waits for it.
"""

import queue
import threading

from supervisor.content.digests import Hash

Data = bytes | bytearray | memoryview

_ALONE = 4 << 20  # below this a thread costs more than it saves
_PIECE = 128 << 10  # handing over costs about what hashing 20 KiB does
_DEPTH = 8  # pieces that may wait: memory stays bounded where hashing is the slower part


class BesideHash:
    """A Hash; bytes that it was given must not change afterwards. For one caller at a time, who closes it."""

    def __init__(self, inner: Hash) -> None:
        self._inner = inner
        self._fed = 0
        self._waiting: list[Data] = []
        self._size = 0
        self._pieces: queue.Queue[list[Data] | None] = queue.Queue(_DEPTH)
        self._thread: threading.Thread | None = None

    def update(self, data: Data, /) -> None:
        """Hash some more, now or soon."""
        self._fed += len(data)
        if self._fed < _ALONE:
            self._inner.update(data)
            return
        self._waiting.append(data)
        self._size += len(data)
        if self._size >= _PIECE:
            self._hand_over()

    def hexdigest(self) -> str:
        """Of all that came so far; more may follow."""
        self._hand_over()
        self._pieces.join()
        return self._inner.hexdigest()

    def close(self) -> None:
        """End the thread."""
        if self._thread is not None:
            self._pieces.put(None)
            self._thread.join()
            self._thread = None

    def _hand_over(self) -> None:
        if not self._waiting:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="hash", daemon=True)
            self._thread.start()
        self._pieces.put(self._waiting)
        self._waiting, self._size = [], 0

    def _run(self) -> None:
        while (pieces := self._pieces.get()) is not None:
            for data in pieces:
                self._inner.update(data)
            self._pieces.task_done()
