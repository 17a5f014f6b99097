"""Gzip and zstd, both ways, as iterators of chunks; one thread inflates while its reader hashes and writes.

What a stream is, is seen from its first bytes, as containerd does: media types lie. Memory is bounded whatever the
ratio: the inflater gives at most `CHUNK` bytes at a time and waits when the reader does not keep up.
"""

import queue
import threading
from collections.abc import Callable, Iterator

import zstandard
from isal import isal_zlib

from proto.errdefs import Fault, Unimplemented

CHUNK = 1 << 18
_MAX_WINDOW = 1 << 27  # zstd's own limit for decoders that were told nothing else
_GZIP, _ZSTD = b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd"
_SKIPPABLE = tuple(bytes([0x50 + n]) + b"\x2a\x4d\x18" for n in range(16))

_DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
_DOCKER_FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar"
_OCI_LAYERS = ("application/vnd.oci.image.layer.v1.tar", "application/vnd.oci.image.layer.nondistributable.v1.tar")


class BadStream(Fault):
    """The compressed bytes are not what they claim; code UNKNOWN, as containerd answers."""


def detect(head: bytes) -> str:
    """`gzip`, `zstd` or nothing, by the first bytes."""
    if head.startswith(_GZIP):
        return "gzip"
    return "zstd" if head.startswith((_ZSTD, *_SKIPPABLE)) else ""


def compression_of(media_type: str) -> str:
    """What a layer's media type says: gzip, zstd, nothing, or `unknown` (old Docker images lie); Unimplemented for
    other types."""
    base, *suffixes = media_type.split("+")
    if base in (_DOCKER_LAYER, _DOCKER_FOREIGN):
        return "" if suffixes else "unknown"
    for ending in ("gzip", "zstd"):
        if base in (f"{_DOCKER_LAYER}.{ending}", f"{_DOCKER_FOREIGN}.{ending}"):
            return "" if suffixes else ending
    if base in _OCI_LAYERS:
        last = max(suffixes, default="")
        if last in ("", "gzip", "zstd"):
            return last
    raise Unimplemented(f"no processor for media-type: {media_type}: not implemented")


def decompress(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The plain bytes of a stream that may be gzip, zstd or neither."""
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= 4:
            break
    if not head:
        return iter(())
    whole = _chain(head, chunks)
    kind = detect(head)
    if kind == "gzip":
        return _gunzip(whole)
    return _unzstd(whole) if kind == "zstd" else whole


def _chain(head: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    yield from rest


def _gunzip(chunks: Iterator[bytes]) -> Iterator[bytes]:
    inflater = isal_zlib.decompressobj(wbits=31)
    fresh = True
    for chunk in chunks:
        data = chunk
        while data:
            if inflater.eof:
                inflater, fresh = isal_zlib.decompressobj(wbits=31), True
            try:
                plain = inflater.decompress(data, CHUNK)
            except isal_zlib.error as error:  # type: ignore[misc]  # isal ships no types
                raise BadStream(f"gzip: invalid header: {error}" if fresh else f"gzip: {error}") from error
            fresh = False
            if plain:
                yield plain
            data = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
        while not inflater.eof and (plain := inflater.decompress(b"", CHUNK)):
            yield plain
    if not inflater.eof:
        raise BadStream("unexpected EOF")


def _unzstd(chunks: Iterator[bytes]) -> Iterator[bytes]:
    reader = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW).stream_reader(
        _Readable(chunks),  # type: ignore[arg-type]  # all it asks for is read()
        read_across_frames=True,
    )
    try:
        while data := reader.read(CHUNK):
            yield data
    except zstandard.ZstdError as error:
        raise BadStream(f"zstd: {error}") from error


class _Readable:
    """An iterator of chunks with the read() that zstandard asks for."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def read(self, size: int) -> bytes:
        data = self._rest or next(self._chunks, b"")
        self._rest = data[size:]
        return data[:size]


def compressor(kind: str, write: Callable[[bytes], object]) -> "Compressor":
    """A compressor that hands its output to `write`: `gzip`, `zstd`, or `` for none."""
    if kind == "gzip":
        # no name and no time in the header: the same layer gives the same digest
        return Compressor(isal_zlib.compressobj(2, isal_zlib.DEFLATED, 31), write)
    if kind == "zstd":
        return Compressor(zstandard.ZstdCompressor(level=3).compressobj(), write)
    return Compressor(None, write)


class Compressor:
    """Takes plain bytes, gives compressed ones on; close() writes the end."""

    def __init__(self, engine: object, write: Callable[[bytes], object]) -> None:
        self._compress: Callable[[bytes], bytes] = getattr(engine, "compress", lambda data: data)
        self._flush: Callable[[], bytes] = getattr(engine, "flush", lambda: b"")
        self._write = write

    def write(self, data: bytes) -> None:
        """Compress some more."""
        out = self._compress(data)
        if out:
            self._write(out)

    def close(self) -> None:
        """Write what is left."""
        out = self._flush()
        if out:
            self._write(out)


class ReadAhead:
    """Runs an iterator in a thread of its own, a few chunks ahead; its exception comes out where the reader is.

    Inflating releases the interpreter's lock, so the reader hashes and writes on another core meanwhile.
    """

    def __init__(self, chunks: Iterator[bytes], depth: int = 8) -> None:
        self._queue: queue.Queue[bytes | BaseException | None] = queue.Queue(depth)
        self._stopped = threading.Event()
        self._chunks = chunks
        self._thread = threading.Thread(target=self._run, name="inflate", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        last: BaseException | None = None
        try:
            for chunk in self._chunks:
                if not self._put(chunk):
                    return
        except BaseException as error:  # carried to the reader, whatever it is
            last = error
        self._put(last)

    def _put(self, item: bytes | BaseException | None) -> bool:
        while not self._stopped.is_set():
            try:
                self._queue.put(item, timeout=0.2)
                return True
            except queue.Full:
                continue
        return False

    def __iter__(self) -> Iterator[bytes]:
        while True:
            item = self._queue.get()
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item

    def close(self) -> None:
        """Stop the thread, whether or not everything was read."""
        self._stopped.set()
        while not self._queue.empty():
            self._queue.get_nowait()
        self._thread.join()

    def __enter__(self) -> "ReadAhead":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
