"""spec: write a config.json to begin with; it is spec.json beside this file."""

import os

from lowrt.argv import Grammar, Option
from lowrt.errors import AlreadyExists, naming
from lowrt.jsontext import dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lowrt.argv import Values
    from lowrt.cli import Context

    Json = dict[str, Any]

GRAMMAR = Grammar(
    "create a new specification file",
    (
        Option("bundle", "text", "path to the root of the bundle directory", short="b"),
        Option("rootless", "bool", "generate a configuration for a rootless container"),
    ),
    arguments="",
    count=(0, 0),
)


def run(context: "Context", options: "Values", arguments: list[str]) -> int:
    del context, arguments
    if options.text("bundle"):
        try:
            os.chdir(options.text("bundle"))
        except OSError as error:
            raise naming("chdir", error) from error
    document = template()
    if options.flag("rootless"):
        make_rootless(document, os.geteuid(), os.getegid())
    try:
        fd = os.open("config.json", os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o666)
    except FileExistsError:
        raise AlreadyExists("File config.json exists. Remove it first") from None
    with open(fd, "w") as file:
        file.write(dumps(document, "\t"))
    return 0


def template() -> "Json":
    """The document for a container made by root."""
    with open(os.path.join(os.path.dirname(__file__), "spec.json"), "rb") as file:
        document = loads(file.read())
    assert isinstance(document, dict)
    return document


def make_rootless(document: "Json", uid: int, gid: int) -> None:
    """What an ordinary user cannot have is taken out, and a user namespace put in."""
    linux = document["linux"]
    linux["namespaces"] = [n for n in linux["namespaces"] if n["type"] != "network"] + [{"type": "user"}]
    del linux["resources"]
    maps = {
        kind: [{"containerID": 0, "hostID": number, "size": 1}]
        for kind, number in (("uidMappings", uid), ("gidMappings", gid))
    }
    document["linux"] = {**maps, **linux}
    for mount in document["mounts"]:
        if mount["type"] == "sysfs":
            mount.update(type="none", source="/sys", options=["rbind", *mount["options"]])
        elif mount["type"] == "devpts":
            mount["options"] = [word for word in mount["options"] if not word.startswith(("gid=", "uid="))]
