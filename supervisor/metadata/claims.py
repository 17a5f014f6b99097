"""Claims: what is on disk already and about to get its row must not be swept in between."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class Claims:
    """Lets makers claim a name, and the sweeper remove only what nobody has claimed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: Counter[str] = Counter()

    @contextmanager
    def claim(self, name: str) -> Iterator[None]:
        """Held from before the thing exists until the row that refers to it is committed."""
        with self._lock:
            self._held[name] += 1
        try:
            yield
        finally:
            with self._lock:
                self._held[name] -= 1
                if not self._held[name]:
                    del self._held[name]

    @contextmanager
    def unclaimed(self, name: str) -> Iterator[bool]:
        """Whether it may be removed now; while this is held nobody can claim it."""
        with self._lock:
            yield name not in self._held
