"""Resumable writes: an ingest has a ref, grows, and becomes a blob in one rename when size and digest are right.

    <root>/ingest/<sha256 of ref>/  data        the bytes so far
                                    ref         the ref itself
                                    startedat   RFC 3339, written once
                                    updatedat   RFC 3339, written at close
                                    total       the expected size in decimal, if one was given

One writer at a time per ref: a second one gets Unavailable at once and may try again. After a crash the data file is
hashed again from its beginning, so nothing but the bytes themselves is believed.
"""

import os
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from proto.errdefs import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, ResourceExhausted, Unavailable
from proto.failpoints import reached
from supervisor.content.blobs import Blobs
from supervisor.content.digests import algorithm_of, digest_of, new_hash
from supervisor.content.hashing import BesideHash
from supervisor.core.content import Status

_CHUNK = 1 << 20


class IngestWriter:
    """One write in progress; holds the ref's lock until commit or close. Not for several threads at once."""

    def __init__(self, ingests: "Ingests", ref: str, folder: str, status: Status, algorithm: str) -> None:
        self._ingests = ingests
        self._folder = folder
        self._algorithm = algorithm
        self._hash = BesideHash(new_hash(algorithm))
        self.ref = ref
        self.total = status.total
        self._offset = status.offset
        self._started_at_ns = status.started_at
        self._updated_at_ns = status.updated_at
        self._fd = os.open(os.path.join(folder, "data"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        try:
            self._rehash()
        except BaseException:
            os.close(self._fd)
            raise

    def _rehash(self) -> None:
        self._hash.close()
        self._hash = BesideHash(new_hash(self._algorithm))
        offset = 0
        while data := os.pread(self._fd, _CHUNK, offset):
            self._hash.update(data)
            offset += len(data)
        self._offset = offset

    @property
    def offset(self) -> int:
        """How many bytes are written."""
        return self._offset

    def digest(self) -> str:
        """The digest of what is written so far."""
        return f"{self._algorithm}:{self._hash.hexdigest()}"

    def status(self) -> Status:
        """Offset, total and times."""
        return Status(self.ref, self._offset, self.total, "", self._started_at_ns, self._updated_at_ns)

    def write(self, data: bytes | memoryview) -> int:
        """Append; all of it or an exception."""
        if self._fd < 0:
            raise FailedPrecondition("cannot write on closed writer: failed precondition")
        view = memoryview(data)
        self._hash.update(view)  # beside the writing
        while view:
            try:
                count = os.pwrite(self._fd, view, self._offset)
            except OSError as error:
                self._rehash()  # what was hashed already is not there
                raise _disk_fault("write", os.path.join(self._folder, "data"), error) from error
            self._offset += count
            view = view[count:]
            reached("supervisor.content.written")
        self._updated_at_ns = time.time_ns()
        return len(data)

    def truncate(self, size: int = 0) -> None:
        """Begin again; only to nothing, since a hash cannot be wound back."""
        if size != 0:
            raise InvalidArgument("Truncate: unsupported size: invalid argument")
        if self._fd < 0:
            raise FailedPrecondition("cannot truncate closed writer: failed precondition")
        os.ftruncate(self._fd, 0)
        self._rehash()

    def sync(self) -> None:
        """fsync(2), so that a commit under a database lock has little left to do."""
        if self._fd >= 0:
            os.fsync(self._fd)

    def commit(self, size: int = 0, expected: str = "", labels: Mapping[str, str] | None = None) -> str:
        """Make a blob of it and return its digest.

        AlreadyExists means that the same bytes are there already. A wrong size or digest leaves the ingest as it is,
        for the caller to abort or to write anew; the lock is given back in every case. Labels are the business of the
        store above.
        """
        if self._fd < 0:
            raise FailedPrecondition("cannot commit on closed writer: failed precondition")
        try:
            return self._commit(size, expected)
        finally:
            self._release()

    def _commit(self, size: int, expected: str) -> str:
        try:
            os.fsync(self._fd)
        except OSError as error:
            raise _disk_fault("sync failed", os.path.join(self._folder, "data"), error) from error
        actual_size = os.fstat(self._fd).st_size
        if size > 0 and size != actual_size:
            raise FailedPrecondition(f"unexpected commit size {actual_size}, expected {size}: failed precondition")
        if expected and algorithm_of(expected) != self._algorithm:
            self._algorithm = algorithm_of(expected)
            self._rehash()
        reached("supervisor.content.synced")
        digest = self.digest()
        if expected and expected != digest:
            raise FailedPrecondition(f"unexpected commit digest {digest}, expected {expected}: failed precondition")
        target = self._ingests.blobs.path(digest)
        os.makedirs(os.path.dirname(target), mode=0o755, exist_ok=True)
        if os.path.exists(target):
            shutil.rmtree(self._folder, ignore_errors=True)
            raise AlreadyExists(f"content {digest}: already exists")
        os.fchmod(self._fd, 0o444)
        os.utime(self._fd)
        os.rename(os.path.join(self._folder, "data"), target)
        reached("supervisor.content.moved")
        _sync_folder(os.path.dirname(target))
        shutil.rmtree(self._folder, ignore_errors=True)
        return digest

    def close(self) -> None:
        """Let go of the ref and keep the bytes for a later writer; after a commit it does nothing."""
        if self._fd < 0:
            return
        try:
            os.fsync(self._fd)
            _write_atomically(os.path.join(self._folder, "updatedat"), _timestamp(self._updated_at_ns))
        except FileNotFoundError:
            return  # aborted by somebody meanwhile
        finally:
            self._release()

    def _release(self) -> None:
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)
            self._hash.close()
            self._ingests.unlock(self.ref)


class Ingests:
    """All unfinished writes under one root."""

    def __init__(self, blobs: Blobs) -> None:
        self.blobs = blobs
        self._root = os.path.join(blobs.root, "ingest")
        self._guard = threading.Lock()
        self._locks: dict[str, float] = {}
        self._clear_wrecks()

    def writer(self, ref: str, total: int = 0, expected: str = "") -> IngestWriter:
        """Begin or resume a write; `expected` that is there already is AlreadyExists."""
        if not ref:
            raise InvalidArgument("ref must not be empty: invalid argument")
        algorithm = algorithm_of(expected)
        if expected and self.blobs.exists(expected):
            raise AlreadyExists(f"content {expected}: already exists")
        self._lock(ref)
        try:
            status = self._resume(ref, total) or self._begin(ref, total)
            return IngestWriter(self, ref, self._folder(ref), status, algorithm)
        except OSError as error:
            self.unlock(ref)
            raise _disk_fault("open ingest", self._folder(ref), error) from error
        except BaseException:
            self.unlock(ref)
            raise

    def status(self, ref: str) -> Status:
        """How far the write of a ref has come."""
        return self._status(self._folder(ref))

    def statuses(self) -> Iterator[Status]:
        """Every unfinished write; one that ends while we look is passed over."""
        for name in self._names():
            try:
                yield self._status(os.path.join(self._root, name))
            except NotFound:
                continue

    def abort(self, ref: str) -> None:
        """Throw an unfinished write away."""
        try:
            shutil.rmtree(self._folder(ref))
        except FileNotFoundError:
            raise NotFound(f'ingest ref "{ref}": not found') from None

    def unlock(self, ref: str) -> None:
        """Give a ref's lock back; for IngestWriter."""
        with self._guard:
            self._locks.pop(ref, None)

    def _lock(self, ref: str) -> None:
        with self._guard:
            since = self._locks.get(ref)
            if since is not None:
                begun = datetime.fromtimestamp(since, UTC).isoformat(sep=" ")
                raise Unavailable(f"ref {ref} locked for {time.time() - since:.6f}s (since {begun}): unavailable")
            self._locks[ref] = time.time()

    def _clear_wrecks(self) -> None:
        """What a crash left half begun or half removed cannot be resumed, and has no ref to abort it by."""
        for name in self._names():
            folder = os.path.join(self._root, name)
            try:
                self._status(folder)
            except (NotFound, ValueError):
                shutil.rmtree(folder, ignore_errors=True)

    def _names(self) -> list[str]:
        try:
            return os.listdir(self._root)
        except FileNotFoundError:
            return []

    def _folder(self, ref: str) -> str:
        return os.path.join(self._root, digest_of(ref.encode()).removeprefix("sha256:"))

    def _resume(self, ref: str, total: int) -> Status | None:
        """The status of a usable earlier write; anything odd about it means to begin anew."""
        try:
            status = self._status(self._folder(ref))
        except (NotFound, ValueError):
            return None
        if status.ref != ref or (total > 0 and status.total > 0 and total != status.total):
            return None
        return status

    def _begin(self, ref: str, total: int) -> Status:
        folder = self._folder(ref)
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder, mode=0o755)
        reached("supervisor.content.begun")
        now = time.time_ns()
        _write_atomically(os.path.join(folder, "ref"), ref)
        _write_atomically(os.path.join(folder, "startedat"), _timestamp(now))
        _write_atomically(os.path.join(folder, "updatedat"), _timestamp(now))
        if total > 0:
            _write_atomically(os.path.join(folder, "total"), str(total))
        return Status(ref, 0, total, "", now, now)

    def _status(self, folder: str) -> Status:
        try:
            data = os.stat(os.path.join(folder, "data"))
            ref = _read(os.path.join(folder, "ref"))
            started = _parse_timestamp(_read(os.path.join(folder, "startedat")))
            updated = _parse_timestamp(_read(os.path.join(folder, "updatedat")))
        except FileNotFoundError as error:
            raise NotFound(f"stat {error.filename}: no such file or directory: not found") from None
        try:
            total = int(_read(os.path.join(folder, "total")))
        except (FileNotFoundError, ValueError):
            total = 0
        return Status(ref, data.st_size, total, "", started, max(updated, data.st_mtime_ns))


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()


def _write_atomically(path: str, text: str) -> None:
    fd = os.open(path + ".tmp", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)
    os.rename(path + ".tmp", path)


def _sync_folder(path: str) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _disk_fault(doing: str, path: str, error: OSError) -> Exception:
    text = f"{doing} {path}: {os.strerror(error.errno or 0).lower()}"
    return ResourceExhausted(text) if error.errno in (28, 122) else OSError(error.errno, text)  # ENOSPC, EDQUOT


def _timestamp(nanoseconds: int) -> str:
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def _parse_timestamp(text: str) -> int:
    """RFC 3339 with up to nine decimals and any offset, as Go writes it (its local zone too)."""
    head, zone, fraction = text[:19], text[19:], ""
    if zone.startswith("."):
        digits = len(zone[1:]) - len(zone[1:].lstrip("0123456789"))
        fraction, zone = zone[1 : 1 + digits], zone[1 + digits :]
    moment = datetime.fromisoformat(head + ("+00:00" if zone in ("Z", "z") else zone))
    return int(moment.timestamp()) * 1_000_000_000 + int(fraction.ljust(9, "0")[:9] or 0)
