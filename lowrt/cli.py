"""The command line: global options, the verbs, and the only `except` of the program.

`main(argv)` may be called in a freshly forked child of a warm process, and in a thread where `lowrt.brief` says so: it
keeps nothing between calls.
"""

import os

from lowrt.argv import Grammar, Option, check_count, parse, usage
from lowrt.errors import Fault, Usage, describe
from lowrt.jsontext import JSONTextError
from lowrt.log import Log
from lowrt.paths import default_root
from lowrt.seal import ensure_sealed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from lowrt.argv import Values

PROGRAM = "lowrt"

# Each verb is the module of that name in lowrt.commands, imported when it is asked for.
VERBS = (
    "checkpoint",
    "create",
    "delete",
    "events",
    "exec",
    "features",
    "kill",
    "list",
    "pause",
    "ps",
    "restore",
    "resume",
    "run",
    "spec",
    "start",
    "state",
    "update",
)

_ENTERING = ("create", "run", "exec")  # those whose process ends up inside a container

GLOBAL = Grammar(
    "Open Container Initiative runtime",
    (
        Option("debug", "bool", "enable debug logging"),
        Option("log", "text", "set the log file to write logs to (default is '/dev/stderr')"),
        Option("log-format", "text", "set the log format ('text' (default), or 'json')", default="text"),
        Option("root", "text", "root directory for storage of container state (this should be located in tmpfs)"),
        Option("criu", "text", ""),
        Option("systemd-cgroup", "bool", "enable systemd cgroup support"),
        Option("rootless", "text", "ignore cgroup permission errors ('true', 'false', or 'auto')", default="auto"),
        Option("help", "bool", "show help", short="h"),
        Option("version", "bool", "print the version", short="v"),
    ),
    arguments="[global options] command [command options] [arguments...]",
    interspersed=False,
)


class Context:
    """What every verb needs to know of the global options."""

    __slots__ = ("inherited_fds", "log", "program", "root", "rootless", "systemd_cgroup")

    def __init__(self, log: Log, options: "Values", program: str, inherited_fds: frozenset[int]) -> None:
        self.log = log
        self.inherited_fds = inherited_fds  # open when we were started
        self.program = program
        self.root = os.path.abspath(options.text("root") or default_root())
        self.systemd_cgroup = options.flag("systemd-cgroup")
        self.rootless = options.text("rootless")


def main(argv: "Sequence[str]", program: str = PROGRAM, *, echo: bool = True) -> int:
    """Run one command line (without the program's name) and return the exit status.

    Without `echo`, errors are in the log only: the stderr is somebody else's.
    """
    log = Log(echo=echo)
    try:
        options, words = parse(GLOBAL, argv)
        inherited = _open_fds() if words and words[0] in _ENTERING else frozenset()
        log = _open_log(options, echo)
        if options.flag("version"):
            from lowrt.version import version_text

            return _print(version_text())
        if options.flag("help") or not words or words[0] in ("help", "h"):
            return _print(_help())
        if options.text("rootless") not in ("auto", "true", "false"):
            raise Fault(f"invalid value for --rootless: {options.text('rootless')}")
        if words[0] in _ENTERING:
            ensure_sealed(argv)
        return _run_verb(Context(log, options, program, inherited), words[0], words[1:])
    except Usage as fault:
        _print(f"{fault.headline}\n{_help()}")
        return _fatal(log, str(fault))
    except (Fault, OSError, JSONTextError) as fault:
        return _fatal(log, describe(fault), getattr(fault, "code", ""))
    finally:
        log.close()


def _open_fds() -> frozenset[int]:
    """The listing's own fd is among them, and the lowest that was free: take it out."""
    listed = frozenset(map(int, os.listdir("/proc/self/fd")))
    free = next(fd for fd in range(len(listed) + 1) if not _is_open(fd))
    return listed - {free}


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def _open_log(options: "Values", echo: bool) -> Log:
    form, path = options.text("log-format"), options.text("log")
    if form not in ("text", "json"):
        raise Fault(f"invalid log-format: {form}")
    if not path:
        return Log(form=form, debug=options.flag("debug"), echo=echo)
    return Log.to_file(path, form, options.flag("debug"), echo)


def _run_verb(context: Context, verb: str, words: list[str]) -> int:
    if verb not in VERBS:
        _fatal(context.log, f"No help topic for '{verb}'")
        return 3
    module = __import__(f"lowrt.commands.{verb}", fromlist=["run"])
    grammar: Grammar = module.GRAMMAR
    try:
        if words and words[0] in ("--help", "-h", "-help"):
            return _print(usage(PROGRAM, verb, grammar))
        options, arguments = parse(grammar, words)
        check_count(grammar, context.program, verb, arguments)
        return int(module.run(context, options, arguments))
    except Usage as fault:
        _print(f"{fault.headline}\n{usage(PROGRAM, verb, grammar)}")
        return _fatal(context.log, str(fault))
    except (Fault, OSError, JSONTextError) as fault:
        return _fatal(context.log, _prefixed(grammar, fault), getattr(fault, "code", ""), grammar.status)
    except Exception as error:  # a defect of ours: say so, and keep the trace for whoever debugs
        _log_trace(context.log, error)
        return _fatal(context.log, _prefixed(grammar, Fault(f"internal error: {type(error).__name__}: {error}")))


def _prefixed(grammar: Grammar, fault: BaseException) -> str:
    return f"{grammar.failure}: {describe(fault)}" if grammar.failure else describe(fault)


def _fatal(log: Log, message: str, code: str = "", status: int = 1) -> int:
    """Write the error to the log, and to stderr as well when the log is elsewhere."""
    log.error(message, code)
    if log.echoes:
        os.write(2, message.encode(errors="backslashreplace") + b"\n")
    return status


def _log_trace(log: Log, error: Exception) -> None:
    import traceback

    for line in traceback.format_exception(error):
        log.write("error", line.rstrip())


def _print(text: str) -> int:
    os.write(1, text.encode() + b"\n")
    return 0


def _help() -> str:
    lines = ["", "NAME:", f"   {PROGRAM} - {GLOBAL.summary}", "", "USAGE:", f"   {PROGRAM} {GLOBAL.arguments}", ""]
    lines += ["COMMANDS:", *(f"   {verb}" for verb in VERBS), "", "GLOBAL OPTIONS:"]
    lines += [f"   --{option.name:<16} {option.help}" for option in GLOBAL.options if option.help]
    return "\n".join(lines) + "\n"
