"""The metadata database: transactions, threads and durability.

Threads. Any thread may use a store. Reads go through a connection of the thread's own and never wait for a writer
(WAL). There is one writing connection behind a re-entrant lock: `write()` inside `write()` joins the outer
transaction, so stores compose. A transaction is short (tens of microseconds): no file contents, no waiting, and never
an `await` inside `with db.write()`, for two coroutines of one thread would share it. That is why stores may be called
straight from the event loop.

Durability. A commit is in the write-ahead log when `write()` returns, so SIGKILL loses nothing. fdatasync(2) costs
milliseconds and is shared: a background thread flushes soon after each commit, and `flush()` waits for it, one system
call for all that wait. Losing power may cost the last moments, never consistency. Who removes files that the database
no longer mentions calls `flush()` in between, or a row could come back without its file.
"""

import logging
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from supervisor.metadata.schema import migrate

logger = logging.getLogger(__name__)

_FLUSH_DELAY = 0.02
_CHECKPOINT_BYTES = 4 << 20


_OUTERMOST = ("BEGIN IMMEDIATE", "COMMIT", ("ROLLBACK",))
_NESTED = ("SAVEPOINT nested", "RELEASE nested", ("ROLLBACK TO nested", "RELEASE nested"))


class _Connection(sqlite3.Connection):
    """The builtin type takes no weak references."""


class Database:
    """One SQLite file; the only process that opens it is this one."""

    def __init__(self, path: str) -> None:
        self._path = path
        os.makedirs(os.path.dirname(path), mode=0o711, exist_ok=True)
        self._write_lock = threading.RLock()
        self._depth = 0
        self._owner = 0  # the thread in `write()`
        self._after_commit: list[Callable[[], None]] = []
        self._deleting = False
        self._staling: set[str] = set()  # by the transaction under way
        self._stale: set[str] = set()
        self._listeners: list[Callable[[bool], None]] = []
        self._readers = threading.local()
        self._open: weakref.WeakSet[sqlite3.Connection] = weakref.WeakSet()
        self._writer = self._connect()
        migrate(self._writer)
        self.generation = 0
        self._flusher = _Flusher(self, path)

    def on_mutation(self, listener: Callable[[bool], None]) -> None:
        """Call `listener(references_removed)` after each commit, from the committing thread."""
        self._listeners.append(listener)

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A connection for single SELECTs; inside this thread's `write()` it is the transaction's own."""
        yield self._writer if self._writing() else self._reader()

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """A connection on which several SELECTs see one and the same state."""
        connection = self._reader()
        connection.execute("BEGIN")
        try:
            yield connection
        finally:
            connection.execute("COMMIT")

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction: committed at the end, undone by an exception. A nested one is undone alone if it is caught."""
        with self._write_lock:
            outermost = not self._depth
            begin, commit, undo = _OUTERMOST if outermost else _NESTED
            pending = len(self._after_commit)
            self._writer.execute(begin)
            self._depth, self._owner = self._depth + 1, threading.get_ident()
            try:
                yield self._writer
                self._writer.execute(commit)
            except BaseException:
                del self._after_commit[pending:]
                self._undo(undo)
                raise
            finally:
                self._depth -= 1
                if outermost:
                    self._owner = 0
            if outermost:
                self._committed()

    def _undo(self, statements: tuple[str, ...]) -> None:
        if self._writer.in_transaction:  # a full disk may have undone everything already
            for statement in statements:
                self._writer.execute(statement)
        if self._depth == 1:
            self._deleting = False
            self._staling.clear()

    def after_commit(self, action: Callable[[], None]) -> None:
        """Run when this thread's transaction is committed, at once outside of one: events tell only what is true."""
        if self._writing():
            self._after_commit.append(action)
        else:
            action()

    def references_removed(self, store: str = "") -> None:
        """Tell the listeners at commit that something may have become garbage; `store` as in `mark_stale`."""
        self._deleting = True
        if store:
            self.mark_stale(store)

    def mark_stale(self, store: str) -> None:
        """From now on (or this commit) that store, `content` or a snapshotter, may hold what no row refers to."""
        if self._writing():
            self._staling.add(store)
        else:
            with self._write_lock:
                self._stale.add(store)

    def take_stale(self) -> set[str]:
        """The stores marked since the last time."""
        with self._write_lock:
            stale, self._stale = self._stale, set()
        return stale

    def flush(self) -> None:
        """Return when all that was committed so far would survive a loss of power. Blocks: not for the event loop."""
        self._flusher.flush()

    def close(self) -> None:
        self._flusher.close()
        with self._write_lock:
            try:
                self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            except sqlite3.Error as error:  # a full disk, say: the log keeps everything, and is read at the next start
                logger.warning("the write-ahead log stays: %s", error)
            for connection in list(self._open):
                connection.close()

    def _committed(self) -> None:
        self.generation += 1
        self._flusher.wake()
        actions, self._after_commit = self._after_commit, []
        deleting, self._deleting = self._deleting, False
        self._stale |= self._staling
        self._staling.clear()
        for action in actions:
            action()
        for listener in self._listeners:
            listener(deleting)

    def _writing(self) -> bool:
        return self._owner == threading.get_ident()

    def _reader(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._readers, "connection", None)
        if connection is None:
            connection = self._readers.connection = self._connect()
            connection.execute("PRAGMA query_only = ON")
        return connection

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, isolation_level=None, check_same_thread=False, cached_statements=256, factory=_Connection
        )
        connection.execute("PRAGMA journal_mode = WAL")
        # NORMAL in WAL mode: no fsync at commit (the flusher does that), one at a checkpoint.
        connection.execute("PRAGMA synchronous = NORMAL")
        # Checkpoints write and fsync the database: the flusher's thread does them, not whoever happens to commit.
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("PRAGMA busy_timeout = 10000")
        self._open.add(connection)
        return connection


class _Flusher:
    """Makes commits durable in the background: fdatasync of the log, and a checkpoint when the log has grown."""

    def __init__(self, db: Database, path: str) -> None:
        self._db = db
        self._path = path
        self._wal = -1
        self._lock = threading.Lock()
        self._durable = 0
        self._wanted = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="metadata-flush", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        self._wanted.set()

    def flush(self) -> None:
        target = self._db.generation
        with self._lock:
            if self._durable >= target:
                return
            reached = self._db.generation
            if self._wal < 0:
                self._wal = os.open(self._path + "-wal", os.O_RDONLY | os.O_CLOEXEC)
            os.fdatasync(self._wal)
            self._durable = reached

    def close(self) -> None:
        self._closing = True
        self._wanted.set()
        self._thread.join()
        if self._wal >= 0:
            os.close(self._wal)
            self._wal = -1

    def _run(self) -> None:
        connection = self._db._connect()
        try:
            while True:
                self._wanted.wait()
                self._wanted.clear()
                if not self._closing:
                    time.sleep(_FLUSH_DELAY)  # whatever else is committed in this moment shares the fdatasync
                self._step(connection)
                if self._closing:
                    return
        finally:
            connection.close()

    def _step(self, connection: sqlite3.Connection) -> None:
        try:
            self.flush()
            if os.stat(self._path + "-wal").st_size > _CHECKPOINT_BYTES:
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        except (OSError, sqlite3.Error):
            logger.exception("cannot flush the metadata database")
