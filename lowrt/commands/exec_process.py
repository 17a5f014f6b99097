"""The process document that `exec` runs: from a file, or from the container's own and the command line's options.

Ids are decimal numbers and nothing else: what merely resembles one must not become root (CVE-2026-30892,
CVE-2024-40635).
"""

from lowrt.errors import InvalidArgument, naming
from lowrt.spec.load import check_process, parse_process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lowrt.argv import Values
    from lowrt.container.container import Container

    Json = dict[str, Any]

_LARGEST_ID = (1 << 31) - 1


def process_from_file(path: str) -> "Json":
    """`--process`."""
    try:
        with open(path, "rb") as file:
            text = file.read()
    except OSError as error:
        raise naming("open", error) from error
    return parse_process(text)


def process_from_options(container: "Container", options: "Values", arguments: list[str]) -> "Json":
    """The container's process with other arguments, and whatever else the options change."""
    if not arguments:
        raise InvalidArgument("process args cannot be empty")
    process = dict(container.spec.process)
    process["args"] = arguments
    process["terminal"] = options.flag("tty")
    process["env"] = [*(process.get("env") or ()), *options.texts("env")]
    for option, key in (("cwd", "cwd"), ("apparmor", "apparmorProfile"), ("process-label", "selinuxLabel")):
        if options.text(option):
            process[key] = options.text(option)
    if options.given("no-new-privs"):
        process["noNewPrivileges"] = options.flag("no-new-privs")
    process["user"] = _user(process.get("user") or {}, options)
    if options.texts("cap"):
        process["capabilities"] = _with_capabilities(process.get("capabilities") or {}, options.texts("cap"))
    check_process(process)
    return process


def _user(user: "Json", options: "Values") -> "Json":
    user = dict(user)
    if options.text("user"):
        uid, separator, gid = options.text("user").partition(":")
        if separator:
            user["gid"] = parse_id(gid, "gid")
        user["uid"] = parse_id(uid, "uid")
    gids = [parse_id(gid, "gid") for word in options.texts("additional-gids") for gid in word.split(",")]
    if gids:
        user["additionalGids"] = [*(user.get("additionalGids") or ()), *gids]
    return user


def parse_id(text: str, kind: str) -> int:
    """One id, in runc's words when it is none."""
    digits = text[1:] if text[:1] in ("-", "+") else text
    if not (digits.isascii() and digits.isdigit()):
        raise InvalidArgument(
            f'parsing {text} as int for {kind} failed: strconv.Atoi: parsing "{text}": invalid syntax'
        )
    if not 0 <= int(text) <= _LARGEST_ID:
        words = f"unable to setup user: uids and gids must be in range 0-{_LARGEST_ID}"
        raise InvalidArgument(f"unable to start container process: {words}")
    return int(text)


def _with_capabilities(capabilities: "Json", names: list[str]) -> "Json":
    """Add them to the sets; to the ambient one only where something inheritable exists, which it needs."""
    merged = dict(capabilities)
    for kind in ("bounding", "effective", "permitted"):
        merged[kind] = [*(merged.get(kind) or ()), *names]
    if merged.get("inheritable"):
        merged["ambient"] = [*(merged.get("ambient") or ()), *names]
    return merged
