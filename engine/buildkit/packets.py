"""fsutil's packets, with names that need not be UTF-8: Go sends them as they are, Python's protobuf takes no such text.

Such names are as Python has them everywhere (`os.fsdecode`): what is not UTF-8 in them are lone surrogates.
"""

import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError, Message

from proto.buildkit.types import fsutil_pb2
from proto.errdefs import InvalidArgument


def decoded(message: bytes) -> fsutil_pb2.Packet:
    """One packet."""
    try:
        return fsutil_pb2.Packet.FromString(message)
    except DecodeError:
        return _decoded_bytewise(message)


def _decoded_bytewise(message: bytes) -> fsutil_pb2.Packet:
    try:
        found = _bytewise().FromString(message)
    except DecodeError:
        raise InvalidArgument("a packet of a context cannot be read") from None
    return cast(fsutil_pb2.Packet, _Bytewise(found))


class _Bytewise:
    """A packet with a STAT whose names are bytes, read as if they were text."""

    def __init__(self, packet: Any) -> None:
        self.type = packet.type
        self.ID = packet.ID
        self.data = packet.data
        self.stat = _Stat(
            os.fsdecode(packet.stat.path),
            os.fsdecode(packet.stat.linkname),
            packet.stat.mode,
            packet.stat.size,
            packet.stat.modTime,
            dict(packet.stat.xattrs),
        )
        self._has_stat = packet.HasField("stat")

    def HasField(self, name: str) -> bool:
        """As a message's."""
        return name == "stat" and bool(self._has_stat)


@dataclass(frozen=True, slots=True)
class _Stat:
    path: str
    linkname: str
    mode: int
    size: int
    modTime: int
    xattrs: dict[str, bytes]


@functools.cache
def _bytewise() -> type[Message]:
    """fsutil's packets with bytes for names."""
    file = descriptor_pb2.FileDescriptorProto()
    fsutil_pb2.DESCRIPTOR.CopyToProto(file)
    for message in file.message_type:
        for field in message.field:
            if field.name in ("path", "linkname"):
                field.type = descriptor_pb2.FieldDescriptorProto.TYPE_BYTES
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("fsutil.types.Packet"))


def stat_packet(path: str, link: str, xattrs: Mapping[str, bytes], **numbers: int) -> bytes:
    """A STAT, to be sent."""
    try:
        made = fsutil_pb2.Stat(path=path, linkname=link, xattrs=xattrs, **numbers)
        return fsutil_pb2.Packet(type=fsutil_pb2.Packet.PACKET_STAT, stat=made).SerializeToString()
    except UnicodeEncodeError:
        packet: Any = _bytewise()()
        packet.stat.path, packet.stat.linkname = os.fsencode(path), os.fsencode(link)
        packet.stat.xattrs.update(xattrs)
        for name, number in numbers.items():
            setattr(packet.stat, name, number)
        return bytes(packet.SerializeToString())
