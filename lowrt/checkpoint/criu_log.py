"""criu's log, quoted in ours after a failure: each line with an error in it, and the few before it."""

import os

from lowrt.errors import Fault, describe, naming

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lowrt.log import Log

DUMP_LOG, RESTORE_LOG = "dump.log", "restore.log"

_MARK = "Error"
_BEFORE = 5


def explain(log: "Log", fault: Fault, folder: str, name: str) -> Fault:
    """Quote criu's log and give the fault with the log's path in it."""
    path = os.path.join(folder, name)
    try:
        with open(path, encoding="utf-8", errors="backslashreplace") as file:
            text = file.read()
    except OSError as error:
        log.warning(describe(naming("open", error)))
        return fault
    for line in quote(text, path):
        log.warning(line)
    better = type(fault)(f"{fault} (log file: {path})")
    better.code = fault.code
    return better


def quote(text: str, path: str) -> list[str]:
    """The lines that matter, numbered; nothing when none tells of an error."""
    lines = text.splitlines()
    quoted: list[str] = []
    last = 0
    for number in (number for number, line in enumerate(lines, 1) if _MARK in line):
        first = max(number - _BEFORE, last + 1)
        if last and first > last + 1:
            quoted.append("...")
        quoted += [f"{place}:{lines[place - 1]}" for place in range(first, number + 1) if lines[place - 1]]
        last = number
    return [f'--- Quoting "{path}"', *quoted, "---"] if quoted else []
