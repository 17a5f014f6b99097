"""Has the kernel forget connections, in a thread of its own: it takes long, and nobody need wait for it.

But nobody gets an address before it is forgotten: `is_pending` says so, `settle` waits.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from engine.networks.conntrack import Address, Gone

logger = logging.getLogger(__name__)


class Forgetting:
    """What is to be forgotten, and the thread that sees to it: all that has come together, in one go."""

    def __init__(self, forget: Callable[[Sequence[Gone]], object]) -> None:
        self._forget = forget
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="connections")
        self._changed = threading.Condition()
        self._waiting: list[Gone] = []
        self._doing: list[Gone] = []

    def add(self, wanted: Iterable[Gone]) -> None:
        """Forget these soon."""
        with self._changed:
            idle = not self._waiting and not self._doing
            self._waiting += wanted
            if idle and self._waiting:
                self._thread.submit(self._work)

    def is_pending(self, address: Address) -> bool:
        with self._changed:
            return any(one.address == address for one in (*self._waiting, *self._doing))

    def settle(self) -> None:
        """Wait until all is forgotten."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting and not self._doing)

    def close(self) -> None:
        """Finish what was asked for."""
        self._thread.shutdown(wait=True)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._doing, self._waiting = self._waiting, []
                if not self._doing:
                    self._changed.notify_all()
                    return
            try:
                self._forget(self._doing)
            except OSError as error:
                logger.warning("connections of what is gone could not be forgotten: %s", error)
