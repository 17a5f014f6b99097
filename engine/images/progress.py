"""The supervisor's progress, turned into the lines that dockerd writes for a pull, a push or a load. Sans-I/O.

    waiting           Pulling fs layer
    downloading       Downloading        {current, total}
    complete          Verifying Checksum, Download complete
    already exists    Already exists
    extracting        Extracting         {current, total}
    extracted         Pull complete

Only layers are shown, each under the first twelve letters of its digest. Events may come late or not at all: `finish`
brings every layer that was begun to its last line.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from proto.containerd.types.transfer import progress_pb2

Line = dict[str, Any]

WAITING, DOWNLOADING, DOWNLOADED, EXTRACTING, DONE = range(5)


def status(text: str, layer: str = "", **detail: int) -> Line:
    """One line of progress."""
    line: Line = {"status": text}
    if layer:
        line["progressDetail"] = detail
        line["id"] = layer
    return line


def failure(message: str) -> Line:
    """The line that says that it went wrong, after the answer's status has long been sent."""
    return {"errorDetail": {"message": message}, "error": message}


def short(digest: str) -> str:
    return digest.rpartition(":")[2][:12]


@dataclass(slots=True)
class _Layer:
    state: int = WAITING
    size: int = 0


class PullProgress:
    """One pull's layers."""

    def __init__(self) -> None:
        self._layers: dict[str, _Layer] = {}
        self.resolved = False
        self.refs: set[str] = set()  # the writes that the supervisor has begun

    def feed(self, event: progress_pb2.Progress) -> Iterator[Line]:
        """The lines that an event is worth."""
        if event.desc.digest:
            self.resolved = True
            self.refs.add(event.name)
        if "layer" not in event.desc.media_type and ".tar" not in event.desc.media_type:
            return
        layer_id = short(event.desc.digest)
        layer = self._layers.get(layer_id)
        if layer is None:
            layer = self._layers[layer_id] = _Layer(size=event.desc.size)
            if event.event != "already exists":
                yield status("Pulling fs layer", layer_id)
        yield from self._advance(layer_id, layer, event)

    def finish(self) -> Iterator[Line]:
        """The lines that are still owed when the transfer has succeeded."""
        for layer_id, layer in self._layers.items():
            yield from _downloaded(layer_id, layer)
            if layer.state < DONE:
                layer.state = DONE
                yield status("Pull complete", layer_id)

    def _advance(self, layer_id: str, layer: _Layer, event: progress_pb2.Progress) -> Iterator[Line]:
        match event.event:
            case "already exists" if layer.state == WAITING:
                layer.state = DONE
                yield status("Already exists", layer_id)
            case "downloading" if layer.state <= DOWNLOADING:
                layer.state = DOWNLOADING
                yield status("Downloading", layer_id, current=event.progress, total=event.total or layer.size)
            case "complete":
                yield from _downloaded(layer_id, layer)
            case "extracting" if layer.state < DONE:
                yield from _downloaded(layer_id, layer)
                layer.state = EXTRACTING
                yield status("Extracting", layer_id, current=event.progress, total=event.total or layer.size)
            case "extracted" if layer.state < DONE:
                yield from _downloaded(layer_id, layer)
                layer.state = DONE
                yield status("Pull complete", layer_id)


def _downloaded(layer_id: str, layer: _Layer) -> Iterator[Line]:
    if layer.state < DOWNLOADED:
        layer.state = DOWNLOADED
        yield status("Verifying Checksum", layer_id)
        yield status("Download complete", layer_id)


class PushProgress:
    """One push's layers."""

    def __init__(self) -> None:
        self._done: dict[str, bool] = {}

    def feed(self, event: progress_pb2.Progress) -> Iterator[Line]:
        """The lines that an event is worth."""
        if "layer" not in event.desc.media_type and ".tar" not in event.desc.media_type:
            return
        layer_id = short(event.desc.digest)
        if layer_id not in self._done:
            self._done[layer_id] = False
            yield status("Preparing", layer_id)
        if self._done[layer_id]:
            return
        if event.event == "already exists":
            self._done[layer_id] = True
            yield status("Layer already exists", layer_id)
        elif event.event in ("complete", "uploaded"):
            self._done[layer_id] = True
            yield status("Pushed", layer_id)
        elif event.event in ("uploading", "downloading"):
            yield status("Pushing", layer_id, current=event.progress, total=event.total or event.desc.size)

    def finish(self) -> Iterator[Line]:
        """The lines that are still owed when the transfer has succeeded."""
        for layer_id, done in self._done.items():
            if not done:
                self._done[layer_id] = True
                yield status("Pushed", layer_id)
