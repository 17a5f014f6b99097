"""`RUN --mount=…`: read, and checked. What is not supported is refused by name. Pure."""

import csv
import posixpath
import re
from dataclasses import dataclass

from engine.builder.modes import octal
from engine.builder.parser import Instruction, did_you_mean
from proto.errdefs import InvalidArgument, Unimplemented

_KEYS = {
    "bind": {"target", "source", "from", "readonly"},
    "cache": {"target", "source", "from", "readonly", "id", "sharing", "mode", "uid", "gid"},
    "tmpfs": {"target", "size"},
    "secret": {"target", "id", "required", "mode", "uid", "gid", "env"},
    "ssh": {"target", "id", "required", "mode", "uid", "gid"},
}
_ALIASES = {"dst": "target", "destination": "target", "src": "source", "ro": "readonly"}
_SIZE = re.compile(r"^([0-9]+)([kmg]?)b?$", re.IGNORECASE)
AGENT = "/run/buildkit/ssh_agent.0"  # where the first agent's socket is, if nobody says otherwise
_MODES = {"cache": 0o755, "secret": 0o400, "ssh": 0o600}
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


@dataclass(frozen=True, slots=True)
class RunMount:
    """One mount of one step."""

    kind: str
    target: str
    source: str = ""
    origin: str = ""  # from=
    id: str = ""
    sharing: str = "shared"
    read_only: bool = False
    required: bool = False
    size: int = 0
    mode: int = 0o400
    uid: int = 0
    gid: int = 0

    def shown(self) -> list[object]:
        """What of it goes into a cache key: never a secret's value."""
        return [self.kind, self.target, self.source, self.origin, self.id if self.kind in ("secret", "ssh") else ""]


def parse(instruction: Instruction, text: str, workdir: str) -> RunMount:
    """One --mount flag's value, its variables expanded."""
    pairs: dict[str, str] = {}
    try:
        words = next(csv.reader([text], strict=True), [])
    except csv.Error as error:
        raise instruction.fault(f"failed to parse csv mounts: {error}") from None
    for word in words:
        key, equals, value = word.partition("=")
        key = _ALIASES.get(key.strip().lower(), key.strip().lower())
        pairs[key] = value if equals else "true"
    kind = pairs.pop("type", "bind")
    if kind not in _KEYS:
        raise instruction.fault(f'unsupported mount type "{kind}"{did_you_mean(kind, _KEYS)}')
    writable = _truth(instruction, {"rw": pairs.pop("rw", pairs.pop("readwrite", "false"))}, "rw")
    if writable and kind not in ("bind", "cache"):
        raise instruction.fault(f"unexpected key 'rw' for mount type '{kind}'")
    unknown = sorted(set(pairs) - _KEYS[kind])
    if unknown:
        near = did_you_mean(unknown[0], _KEYS[kind])
        raise instruction.fault(f"unexpected key '{unknown[0]}' for mount type '{kind}'{near}")
    return _checked(instruction, kind, pairs, workdir, writable=writable)


def _checked(instruction: Instruction, kind: str, pairs: dict[str, str], workdir: str, *, writable: bool) -> RunMount:
    target, identifier = _names(instruction, kind, pairs)
    target = posixpath.normpath(posixpath.join(workdir or "/", target))
    if target in ("/", "//"):
        raise instruction.fault(f"invalid mount target {target!r}")
    sharing = pairs.get("sharing", "shared").lower()
    if sharing not in ("shared", "private", "locked"):
        raise instruction.fault(f"unsupported sharing value {sharing!r}")
    return RunMount(
        kind=kind,
        target=target,
        source=pairs.get("source", ""),
        origin=pairs.get("from", ""),
        id=identifier,
        sharing=sharing,
        read_only=_read_only(instruction, kind, pairs, writable=writable),
        required=_truth(instruction, pairs, "required"),
        size=_size(instruction, pairs.get("size", "")),
        mode=_octal(instruction, pairs.get("mode", ""), _MODES.get(kind, 0o400)),
        uid=_number(instruction, pairs, "uid"),
        gid=_number(instruction, pairs, "gid"),
    )


def _read_only(instruction: Instruction, kind: str, pairs: dict[str, str], *, writable: bool) -> bool:
    """Binds are read-only unless they ask for more, caches the other way round."""
    return not writable if kind == "bind" and "readonly" not in pairs else _truth(instruction, pairs, "readonly")


def _names(instruction: Instruction, kind: str, pairs: dict[str, str]) -> tuple[str, str]:
    """Target and id, one made of the other where that is how docker has it."""
    target = pairs.get("target", "")
    if kind == "ssh":
        return target or AGENT, pairs.get("id") or "default"
    if kind != "secret":
        if not target:
            raise instruction.fault("target is required for a mount")
        return target, pairs.get("id") or target
    if pairs.get("env"):
        raise Unimplemented(
            f"RUN --mount=type=secret,env=… (line {instruction.line}) is not supported: environments are stored and "
            "shown to others; read the secret's file"
        )
    identifier = pairs.get("id") or posixpath.basename(target)
    if not identifier:
        raise instruction.fault("a secret mount needs an id or a target")
    return target or f"/run/secrets/{posixpath.basename(identifier)}", identifier


def _truth(instruction: Instruction, pairs: dict[str, str], key: str) -> bool:
    text = pairs.get(key, "false").lower()
    if text not in ("true", "1", "false", "0"):
        raise instruction.fault(f"invalid value for {key}: {text}")
    return text in ("true", "1")


def _octal(instruction: Instruction, text: str, default: int) -> int:
    try:
        return octal(text) if text else default
    except InvalidArgument as fault:
        raise instruction.fault(str(fault)) from None


def _number(instruction: Instruction, pairs: dict[str, str], key: str) -> int:
    text = pairs.get(key, "0")
    if not (text.isascii() and text.isdigit() and len(text) < 11):
        raise instruction.fault(f"invalid value for {key}: {text}")
    return int(text)


def _size(instruction: Instruction, text: str) -> int:
    if not text:
        return 0
    match = _SIZE.match(text)
    if not match:
        raise instruction.fault(f"invalid value for size: {text}")
    return int(match[1]) * _UNITS[match[2].lower()]
