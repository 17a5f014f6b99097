"""What `start` reads on stdin and answers.

containerd up to 2.2 writes the runtime options as a protobuf Any (or nothing) and takes a plain address; from 2.3 on it
writes BootstrapParams and takes a BootstrapResult. The two look alike on the wire, so field 1 is compared with -id: an
Any has a type URL there, BootstrapParams the instance id.
"""

from shim import wire

OPTIONS_TYPE = "containerd.runc.v1.Options"


class Bootstrap:
    """What the caller of `start` told us on stdin."""

    __slots__ = ("modern", "shim_cgroup", "socket_root")

    def __init__(self, *, modern: bool = False, shim_cgroup: str = "", socket_root: str = "") -> None:
        self.modern = modern  # the caller speaks BootstrapParams and wants a BootstrapResult
        self.shim_cgroup = shim_cgroup
        self.socket_root = socket_root


def parse(data: bytes, container_id: str) -> Bootstrap:
    """Bootstrap from stdin's bytes; raises ValueError for bytes that are no protobuf."""
    found = wire.fields(data)
    if found and wire.text(found, 1) == container_id:
        return Bootstrap(modern=True, shim_cgroup=_extension_cgroup(found), socket_root=wire.text(found, 9))
    return Bootstrap(shim_cgroup=_options_cgroup(found))


def result(address: str) -> bytes:
    """BootstrapResult for a Task v3 service over ttrpc."""
    return wire.number_field(1, 3) + wire.bytes_field(2, address.encode()) + wire.bytes_field(3, b"ttrpc")


def _extension_cgroup(params: wire.Fields) -> str:
    """The shim cgroup in BootstrapParams.extensions[].value."""
    for number, extension in params:
        if number == 8 and (found := _options_cgroup(wire.fields(wire.last(wire.fields(extension), 1)))):
            return found
    return ""


def _options_cgroup(any_fields: wire.Fields) -> str:
    """Field 3 of runc's Options inside an Any's fields."""
    if wire.text(any_fields, 1).rpartition("/")[2] != OPTIONS_TYPE:
        return ""
    return wire.text(wire.fields(wire.last(any_fields, 2)), 3)
