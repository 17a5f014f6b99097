"""list: the containers under the root, as a table, ids or JSON."""

import os

from lowrt.argv import Grammar, Option
from lowrt.container.container import Container
from lowrt.errors import Fault, InvalidArgument
from lowrt.jsontext import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lowrt.argv import Values
    from lowrt.cli import Context

    Json = dict[str, Any]

GRAMMAR = Grammar(
    "lists containers started by runc with the given root",
    (
        Option("format", "text", "select one of: table, json", short="f", default="table"),
        Option("quiet", "bool", "display only container IDs", short="q"),
    ),
    arguments="",
    count=(0, 0),
)
_COLUMNS = ("id", "pid", "status", "bundle", "created", "owner")
_WIDEST_GAP, _NARROWEST = 3, 12


def run(context: "Context", options: "Values", arguments: list[str]) -> int:
    del arguments
    entries = _entries(context)
    form = options.text("format")
    if options.flag("quiet"):
        text = "".join(f"{entry['id']}\n" for entry in entries)
    elif form == "json":
        text = dumps(entries or None) + "\n"
    elif form == "table":
        text = table([tuple(str(entry[column]) for column in _COLUMNS) for entry in entries])
    else:
        raise InvalidArgument("invalid format option")
    os.write(1, text.encode())
    return 0


def _entries(context: "Context") -> "list[Json]":
    try:
        names = sorted(os.listdir(context.root))
    except FileNotFoundError:
        return []
    entries = []
    for name in names:
        if not os.path.isdir(os.path.join(context.root, name)) or name.startswith("@"):
            continue
        try:
            container = Container.load(context.root, name)
            entry = container.runc_state()
        except (Fault, OSError) as error:  # being made or removed this moment, or not ours
            context.log.write("error", f"load container {name}: {error}")
            continue
        entry["owner"] = _owner(container.state["owner"])
        entries.append(entry)
    return entries


def _owner(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"#{uid}"


def table(rows: list[tuple[str, ...]]) -> str:
    """Columns as Go's tabwriter lays them out: at least twelve wide, three blanks apart, the last as it is."""
    lines = [tuple(column.upper() for column in _COLUMNS), *rows]
    widths = [max(_NARROWEST, *(len(line[i]) + _WIDEST_GAP for line in lines)) for i in range(len(_COLUMNS) - 1)]
    return "".join(
        "".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=False)) + line[-1] + "\n"
        for line in lines
    )
