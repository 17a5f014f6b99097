"""SQLite with a write-ahead log whose checkpoints are a thread's: no commit waits for the disk.

With synchronous=NORMAL a commit is a write to the log, tens of microseconds. By itself SQLite has one of many also copy
the log into the database and sync both: a fifth of a second on a busy disk, for which the event loop would stand still.
Here a thread with a connection of its own does that, once there have been so many statements.
"""

import logging
import sqlite3
import threading
from typing import Any

logger = logging.getLogger(__name__)

STATEMENTS = 500  # between two checkpoints: a few megabytes of log


class Connection(sqlite3.Connection):
    """Commits and never checkpoints; asks the thread to."""

    _path = ""
    _thread: threading.Thread | None = None
    _until = STATEMENTS

    def opened(self, path: str) -> None:
        """It is a connection to this file."""
        self._path = path
        self._wanted = threading.Event()
        self._closing = False
        self.execute("PRAGMA journal_mode = WAL")
        self.execute("PRAGMA synchronous = NORMAL")
        self.execute("PRAGMA wal_autocheckpoint = 0")

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """As ever."""
        done = super().execute(sql, parameters)
        self._until -= 1
        if self._until <= 0:
            self._until = STATEMENTS
            self.checkpoint_soon()
        return done

    def checkpoint_soon(self) -> None:
        """Have it done meanwhile."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._checkpoint, name="engine-checkpoints", daemon=True)
            self._thread.start()
        self._wanted.set()

    def close(self) -> None:
        """With the last connection to a file its log goes into it."""
        if self._thread is not None:
            self._closing = True
            self._wanted.set()
            self._thread.join()
            self._thread = None
        super().close()

    def _checkpoint(self) -> None:
        own = sqlite3.connect(self._path, isolation_level=None)
        try:
            while True:
                self._wanted.wait()
                self._wanted.clear()
                if self._closing:
                    return
                try:
                    own.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
                except sqlite3.Error as error:  # a full disk, say: the log keeps everything until the next time
                    logger.warning("checkpoint of %s: %s", self._path, error)
        finally:
            own.close()


def connect(path: str) -> Connection:
    """Open a file, or make it; any thread may use the connection, one at a time."""
    made: Connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, factory=Connection)
    made.opened(path)
    return made
