"""A streaming tar reader: chunks of bytes in, entries and their data out, in one pass and in bounded memory.

    for entry in reader.entries():
        for piece in reader.data(): …      # optional; what is not read is skipped

Formats: V7, ustar, star, GNU (long names, base-256 numbers, sparse), PAX (records, sparse 0.0, 0.1, 1.0). Global PAX
headers are ignored, as containerd ignores them. Every byte of the stream goes through `chunks`, so a hash there sees
what `drain` leaves too.
"""

from collections.abc import Iterator

from supervisor.diff.tar_entry import (
    BLOCK,
    DIRECTORY,
    HEADER_ONLY,
    MAX_EXTENDED,
    MAX_SPARSE_EXTENTS,
    REGULAR,
    BadArchive,
    Entry,
    apply_pax,
    bad_header,
    check_sparse,
    cut,
    decode_header,
    decode_pax,
    is_zero,
    number,
)

_GNU_LONG_NAME, _GNU_LONG_LINK, _GNU_SPARSE, _PAX, _PAX_GLOBAL, _SOLARIS_PAX = b"L", b"K", b"S", b"x", b"g", b"X"


class TarReader:
    """Reads one archive from an iterator of chunks."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._view = memoryview(b"")
        self._remaining = 0  # of the current entry's stored data
        self._padding = 0

    def entries(self) -> Iterator[Entry]:
        """Each file, folder, link and device, with extended headers already applied."""
        long_name = long_link = b""
        records: list[tuple[bytes, bytes]] = []
        while True:
            self._skip(self._remaining + self._padding)
            self._remaining = self._padding = 0
            block = self._read(BLOCK, at_end_ok=True)
            if not block:
                return
            if is_zero(block):
                second = self._read(BLOCK, at_end_ok=True)
                if second and not is_zero(second):
                    raise bad_header()
                return
            entry = decode_header(block)
            if entry.kind in (_PAX, _SOLARIS_PAX):
                records = decode_pax(self._extended(entry))
            elif entry.kind == _PAX_GLOBAL:
                self._extended(entry)
            elif entry.kind == _GNU_LONG_NAME:
                long_name = cut(self._extended(entry))
            elif entry.kind == _GNU_LONG_LINK:
                long_link = cut(self._extended(entry))
            else:
                entry.name, entry.linkname = long_name or entry.name, long_link or entry.linkname
                self._finish(entry, block, records)
                yield entry
                long_name = long_link = b""
                records = []

    def data(self) -> Iterator[memoryview]:
        """The current entry's stored bytes, in pieces that live until the next piece."""
        while self._remaining:
            piece = self._take(self._remaining)
            if not piece:
                raise BadArchive("unexpected EOF")
            self._remaining -= len(piece)
            yield piece

    def drain(self) -> None:
        """Read what follows the archive's end, for the hash's sake."""
        self._view = memoryview(b"")
        for _ in self._chunks:
            pass

    def _finish(self, entry: Entry, block: bytes, records: list[tuple[bytes, bytes]]) -> None:
        apply_pax(entry, records)
        if entry.kind == REGULAR and entry.name.endswith(b"/"):
            entry.kind = DIRECTORY  # V7 had no type for folders
        if entry.kind in HEADER_ONLY:
            entry.size = entry.stored = 0
        self._remaining = entry.stored
        self._padding = -entry.stored % BLOCK
        if entry.kind == _GNU_SPARSE:
            self._old_sparse(entry, block)
        elif entry.kind == REGULAR and any(key.startswith(b"GNU.sparse.") for key, _ in records):
            self._pax_sparse(entry, records)

    def _old_sparse(self, entry: Entry, block: bytes) -> None:
        """The first four extents are in the header, more in blocks that follow it."""
        entry.kind = REGULAR
        entry.size = number(block[483:495])
        extents = _extents(block[386:482], 4)
        more = block[482]
        while more:
            block = self._read(BLOCK)
            extents += _extents(block[:504], 21)
            more = block[504]
            if len(extents) > MAX_SPARSE_EXTENTS:
                raise bad_header()
        self._use_extents(entry, extents)

    def _pax_sparse(self, entry: Entry, records: list[tuple[bytes, bytes]]) -> None:
        last = dict(records)
        entry.name = last.get(b"GNU.sparse.name", entry.name)
        entry.size = _natural(last.get(b"GNU.sparse.realsize", last.get(b"GNU.sparse.size", b"")))
        if last.get(b"GNU.sparse.major") == b"1":
            extents = self._sparse_map()
        elif b"GNU.sparse.map" in last:
            numbers = [_natural(word) for word in last[b"GNU.sparse.map"].split(b",") if word]
            extents = _pairs(numbers)
        else:
            words = [_natural(value) for key, value in records if key in (b"GNU.sparse.offset", b"GNU.sparse.numbytes")]
            extents = _pairs(words)
        self._use_extents(entry, extents)

    def _sparse_map(self) -> list[tuple[int, int]]:
        """Format 1.0: decimal lines at the head of the data, padded to a block."""
        text = b""
        wanted = -1
        while wanted < 0 or text.count(b"\n") < 1 + 2 * wanted:
            if self._remaining < BLOCK or len(text) > MAX_EXTENDED:
                raise bad_header()
            text += self._read(BLOCK)
            self._remaining -= BLOCK
            if wanted < 0 and b"\n" in text:
                wanted = _natural(text.split(b"\n", 1)[0])
                if wanted > MAX_SPARSE_EXTENTS:
                    raise bad_header()
        return _pairs([_natural(word) for word in text.split(b"\n")[1 : 1 + 2 * wanted]])

    def _use_extents(self, entry: Entry, extents: list[tuple[int, int]]) -> None:
        entry.sparse = check_sparse(extents, entry.size)
        if sum(length for _, length in extents) != self._remaining:
            raise bad_header()

    def _extended(self, entry: Entry) -> bytes:
        if entry.stored > MAX_EXTENDED:
            raise bad_header()
        data = self._read(entry.stored)
        self._skip(-entry.stored % BLOCK)
        return data

    def _take(self, limit: int) -> memoryview:
        """Some bytes, at most `limit`; none at the end of the stream."""
        while not self._view:
            chunk = next(self._chunks, None)
            if chunk is None:
                return self._view
            self._view = memoryview(chunk)
        piece, self._view = self._view[:limit], self._view[limit:]
        return piece

    def _read(self, length: int, *, at_end_ok: bool = False) -> bytes:
        parts = []
        wanted = length
        while wanted:
            piece = self._take(wanted)
            if not piece:
                if at_end_ok and wanted == length:
                    return b""
                raise BadArchive("unexpected EOF")
            parts.append(bytes(piece))
            wanted -= len(piece)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _skip(self, length: int) -> None:
        while length:
            piece = self._take(length)
            if not piece:
                raise BadArchive("unexpected EOF")
            length -= len(piece)


def _natural(word: bytes) -> int:
    if not word.isdigit() or len(word) > 19:
        raise bad_header()
    return int(word)


def _pairs(numbers: list[int]) -> list[tuple[int, int]]:
    if len(numbers) % 2:
        raise bad_header()
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def _extents(data: bytes, count: int) -> list[tuple[int, int]]:
    extents = []
    for at in range(0, 24 * count, 24):
        if data[at] == 0 or data[at + 12] == 0:
            break
        extents.append((number(data[at : at + 12]), number(data[at + 12 : at + 24])))
    return extents
