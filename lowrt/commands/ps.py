"""ps: list a container's processes, as pids or as ps(1) shows them."""

import os

from lowrt.argv import Grammar, Option
from lowrt.container.container import Container
from lowrt.errors import Fault, InvalidArgument
from lowrt.jsontext import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lowrt.argv import Values
    from lowrt.cli import Context

GRAMMAR = Grammar(
    "ps displays the processes running inside a container",
    (Option("format", "text", "select one of: table, json", short="f", default="table"),),
    arguments="<container-id> [ps options]",
    count=(1, None),
    interspersed=False,
)


def run(context: "Context", options: "Values", arguments: list[str]) -> int:
    container = Container.load(context.root, arguments[0])
    pids = sorted(container.cgroup.all_pids()) if container.cgroup.exists() else []
    form = options.text("format")
    if form == "json":
        os.write(1, dumps(pids or None).encode() + b"\n")
        return 0
    if form != "table":
        raise InvalidArgument("invalid format option")
    os.write(1, select_lines(_run_ps(arguments[1:] or ["-ef"]), pids).encode())
    return 0


def _run_ps(arguments: list[str]) -> str:
    import subprocess

    try:
        done = subprocess.run(["ps", *arguments], capture_output=True, check=False)
    except FileNotFoundError:
        raise Fault('exec: "ps": executable file not found in $PATH') from None
    if done.returncode:
        output = (done.stdout + done.stderr).decode(errors="replace")
        raise Fault(f"exit status {done.returncode}: {output}")
    return done.stdout.decode(errors="surrogateescape")


def select_lines(table: str, pids: list[int]) -> str:
    """The heading, and the lines whose PID column has one of the pids."""
    heading, *lines = table.splitlines()
    columns = heading.split()
    if "PID" not in columns:
        raise Fault("couldn't find PID field in ps output")
    place = columns.index("PID")
    wanted = {str(pid) for pid in pids}
    chosen = [line for line in lines if line.strip() and line.split()[place] in wanted]
    return "\n".join([heading, *chosen]) + "\n"
