"""A build's result on its way to the client: `--output type=local` and `tar`."""

import time
from collections.abc import Mapping

from engine.builder.client import Made, Tell
from engine.builder.output import EXPORT
from engine.buildkit import filesend
from engine.buildkit.caller import Caller
from engine.containers import archive
from proto.errdefs import Unimplemented

KINDS = ("local", "tar")
_NOTHING = ("", "0", "false")


def require_known(kind: str, attributes: Mapping[str, str]) -> None:
    """An attribute that would change something is refused by its name."""
    for name, value in attributes.items():
        if name in ("dest", "mode", "attestation-prefix") or value.lower() in _NOTHING:
            continue  # the client's own, or about what is not there
        raise Unimplemented(f"the output attribute {name}={value[:80]} is not supported for type={kind}")


async def export(caller: Caller, made: Made, kind: str, number: int, tell: Tell | None) -> None:
    """Send all of it."""
    name = "copying files" if kind == "local" else "sending tarball"
    _say(tell, "", "running")
    _say(tell, name, "running")
    async with made.layers.viewed(made.state) as root:
        if kind == "local":
            await filesend.send_tree(caller, root, number)
        else:
            await filesend.send_stream(caller, archive.tar(archive.Tree(root), "/", ""), number, {})
    _say(tell, name, "done")
    _say(tell, "", "done")


def _say(tell: Tell | None, name: str, state: str) -> None:
    if tell is not None:
        tell({"id": EXPORT, "aux": {"name": name, "state": state, "time": time.time()}})
