"""Many small writes as few large ones: headers, small files and padding together, large pieces as they are."""

from collections.abc import Callable

_ENOUGH = 512 << 10


class Gathered:
    """Gives what is written on in pieces that are worth a call; `flush` gives the rest."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self._parts: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> None:
        """Take some more."""
        self._parts.append(data)
        self._size += len(data)
        if self._size >= _ENOUGH:
            self.flush()

    def flush(self) -> None:
        """Give on what there is."""
        if self._parts:
            data = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
            self._parts, self._size = [], 0
            self._write(data)
