"""Where an image came from, as the supervisor's content remembers it: pulled from, pushed to, built by.

Kept as labels on the blob that a name leads to, so that no tag of another name changes it:

    containerd.io/distribution.source.<host>   repositories, comma-separated; pulls write it, and pushes
    moby/build.ref.<ref>                       {"createdAt": …}; builds write it

Signatures are not verified, and so there are none to tell of.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

from engine import jsontext, timestamps
from engine.images import reference as references
from engine.images.model import Descriptor
from engine.images.reference import Reference
from proto.containerd.services.content.v1 import content_pb2
from proto.errdefs import InvalidArgument, NotFound

Json = dict[str, Any]

SOURCE = "containerd.io/distribution.source."
BUILD = "moby/build.ref."
_LONGEST_LABEL = 4096  # key and value, as containerd has it


class Blobs(Protocol):
    """The part of the content service that remembering takes."""

    async def info(self, digest: str) -> content_pb2.Info: ...

    async def update(self, info: content_pb2.Info, paths: Iterable[str]) -> content_pb2.Info: ...


class Origins:
    """Reads and writes where images came from."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    async def identity(self, target: Descriptor) -> Json:
        """`Identity` of an image; empty where nothing is known."""
        try:
            labels = (await self._blobs.info(target.digest)).labels
        except NotFound:
            return {}
        return from_labels(labels)

    async def pushed(self, target: Descriptor, reference: Reference) -> None:
        """The registry has it now, too."""
        key = SOURCE + reference.domain.partition(":")[0]
        known = (await self._blobs.info(target.digest)).labels.get(key, "")
        value = ",".join(sorted({*filter(None, known.split(",")), reference.path}))
        if value != known and len(key) + len(value) <= _LONGEST_LABEL:
            await self._blobs.update(content_pb2.Info(digest=target.digest, labels={key: value}), [f"labels.{key}"])


def from_labels(labels: Mapping[str, str]) -> Json:
    """What a blob's labels say, in a fixed order."""
    pulled = [{"Repository": name} for name in sorted(set(_repositories(labels)))]
    built = sorted(_builds(labels), key=lambda one: str(one["Ref"]))
    return ({"Pull": pulled} if pulled else {}) | ({"Build": built} if built else {})


def _repositories(labels: Mapping[str, str]) -> Iterator[str]:
    for key, value in labels.items():
        if not key.startswith(SOURCE):
            continue
        for path in value.split(","):
            try:
                yield references.parse(f"{key.removeprefix(SOURCE)}/{path}").name
            except InvalidArgument:
                continue


def _builds(labels: Mapping[str, str]) -> Iterator[Json]:
    for key, value in labels.items():
        if not key.startswith(BUILD):
            continue
        try:
            document = jsontext.loads(value)
        except ValueError:
            continue
        if isinstance(document, dict):
            created = str(document.get("createdAt") or timestamps.ZERO)
            yield {"Ref": key.removeprefix(BUILD), "CreatedAt": created}
