"""What goes not together with a container's network mode, in dockerd's words. Pure.

It is asked of what the client said, before its image is heard: an image may expose what it likes.
"""

from collections.abc import Mapping
from typing import Any

from proto.errdefs import InvalidArgument

Json = Mapping[str, Any]

_NO_LINKS = "can't be used with links. This would result in undefined behavior"


def check(config: Json, host_config: Json) -> None:
    """Refuse a container that shares a namespace, and wants of it what is its owner's to say."""
    mode = str(host_config.get("NetworkMode") or "")
    if mode == "host" and host_config.get("Links"):
        raise InvalidArgument(f"conflicting options: host type networking {_NO_LINKS}")
    if not mode.startswith("container:"):
        return
    for wanted, reason in (
        (config.get("Hostname"), "hostname and the network mode"),
        (
            host_config.get("Links"),
            f"container type network {_NO_LINKS}",
        ),
        (host_config.get("Dns"), "dns and the network mode"),
        (host_config.get("ExtraHosts"), "custom host-to-IP mapping and the network mode"),
        (
            host_config.get("PortBindings") or host_config.get("PublishAllPorts"),
            "port publishing and the container type network mode",
        ),
        (config.get("ExposedPorts"), "port exposing and the container type network mode"),
    ):
        if wanted:
            raise InvalidArgument(f"conflicting options: {reason}")
