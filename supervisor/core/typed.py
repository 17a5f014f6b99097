"""A value whose type is known to others: protobuf's Any without protobuf."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TypedValue:
    """`type_url` as containerd writes it (no `type.googleapis.com/` in front); `value` is passed on untouched."""

    type_url: str
    value: bytes = b""
