"""A Dockerfile's text → its stages and instructions, checked as far as that goes without running them.

Lines, continuations, comments, heredocs and words are read by `e2b_dockerfile_utils`, which follows BuildKit's parser;
what an instruction may carry (flags, number of words, forms) is decided here, in docker's words, with the line shown.
"""

import difflib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from e2b_dockerfile_utils import DockerfileHeredoc, DockerfileInstruction, DockerfileSyntaxError, parse_dockerfile_ast

from proto.errdefs import InvalidArgument, Unimplemented

_STAGE_NAME = re.compile(r"^[a-z][a-z0-9-_.]*$")
_UNKNOWN = re.compile(r"unknown instruction: (\S*)")
_MAX_SIZE = 4 << 20
_SWITCHES = ("link", "keep-git-dir", "unpack", "parents")  # flags that need no value

# instruction: its flags; None for those that are known and refused by name
FLAGS: dict[str, dict[str, str]] = {
    "ADD": {"chown": "", "chmod": "", "checksum": "", "link": "", "exclude": "many", "keep-git-dir": "", "unpack": ""},
    "COPY": {"from": "", "chown": "", "chmod": "", "link": "", "parents": "", "exclude": "many"},
    "FROM": {"platform": ""},
    "HEALTHCHECK": {"interval": "", "timeout": "", "start-period": "", "start-interval": "", "retries": ""},
    "RUN": {"mount": "many", "network": "", "security": "", "device": "many"},
}
_REFUSED = {
    ("RUN", "security"): "steps run with the default security of containers",
    ("RUN", "device"): "steps get the default devices of containers",
}
# instruction: (fewest words, most words), None: any number
_WORDS: dict[str, tuple[int, int | None, str]] = {
    "ADD": (2, None, "at least two arguments"),
    "ARG": (1, None, "at least one argument"),
    "CMD": (0, None, ""),
    "COPY": (2, None, "at least two arguments"),
    "ENTRYPOINT": (0, None, ""),
    "ENV": (1, None, "at least one argument"),
    "EXPOSE": (1, None, "at least one argument"),
    "FROM": (1, 3, "either one or three arguments"),
    "HEALTHCHECK": (1, None, "at least one argument"),
    "LABEL": (1, None, "at least one argument"),
    "MAINTAINER": (1, 1, "exactly one argument"),
    "ONBUILD": (0, None, ""),
    "RUN": (0, None, ""),
    "SHELL": (1, None, "at least one argument"),
    "STOPSIGNAL": (1, 1, "exactly one argument"),
    "USER": (1, 1, "exactly one argument"),
    "VOLUME": (1, None, "at least one argument"),
    "WORKDIR": (1, 1, "exactly one argument"),
}


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction of a stage."""

    name: str
    original: str
    args: tuple[str, ...]
    json: bool = False
    flags: dict[str, str] = field(default_factory=dict)
    many: dict[str, tuple[str, ...]] = field(default_factory=dict)
    heredocs: tuple[DockerfileHeredoc, ...] = ()
    line: int = 0

    @property
    def rest(self) -> str:
        """All after the instruction's name, as written."""
        return self.original.strip()[len(self.name) :].strip()

    def fault(self, text: str) -> InvalidArgument:
        """A refusal that shows the line."""
        return InvalidArgument(f"dockerfile parse error on line {self.line}: {text}\n  {self.line} | {self.original}")


@dataclass(slots=True)
class Stage:
    """FROM and what follows it."""

    base: str
    name: str
    platform: str
    origin: Instruction
    instructions: list[Instruction] = field(default_factory=list)


@dataclass(slots=True)
class Dockerfile:
    """A whole Dockerfile."""

    escape: str
    meta: list[Instruction]
    stages: list[Stage]
    warnings: list[str]


def parse(text: str) -> Dockerfile:
    """Read a Dockerfile; InvalidArgument with docker's words and the line."""
    if len(text) > _MAX_SIZE:
        raise InvalidArgument("the Dockerfile is larger than 4 MiB")
    lines = text.split("\n")
    try:
        tree = parse_dockerfile_ast(text)
    except DockerfileSyntaxError as error:
        raise InvalidArgument(_reworded(error, lines)) from None
    if not tree.instructions:
        raise InvalidArgument(
            "the Dockerfile (Dockerfile) cannot be empty" if not text.strip() else "file with no instructions"
        )
    found = Dockerfile(
        tree.escape_token, [], [], [f"line {warning.line}: {warning.message}" for warning in tree.warnings]
    )
    for node in tree.instructions:
        _add(found, _instruction(node))
    if not found.stages:
        raise InvalidArgument("no build stage in current context")
    return found


def parse_one(text: str) -> Instruction:
    """Read the single instruction of an ONBUILD trigger."""
    try:
        tree = parse_dockerfile_ast(text)
    except DockerfileSyntaxError as error:
        raise InvalidArgument(_reworded(error, text.split("\n"))) from None
    if len(tree.instructions) != 1:
        raise InvalidArgument("onbuild trigger should be a single expression")
    return _instruction(tree.instructions[0])


def _add(found: Dockerfile, instruction: Instruction) -> None:
    if instruction.name == "FROM":
        found.stages.append(_stage(instruction))
    elif found.stages:
        found.stages[-1].instructions.append(instruction)
    elif instruction.name == "ARG":
        found.meta.append(instruction)
    else:
        raise instruction.fault("no build stage in current context")


def _stage(origin: Instruction) -> Stage:
    name = ""
    if len(origin.args) == 3:
        if origin.args[1].upper() != "AS":
            raise origin.fault("FROM requires either one or three arguments")
        name = origin.args[2].lower()
        if not _STAGE_NAME.match(name):
            raise origin.fault(
                f'invalid name for build stage: "{origin.args[2]}", name can\'t start with a number or contain symbols'
            )
        if name == "scratch":
            raise origin.fault(f'"{name}" is reserved and cannot be used as a name')
    elif len(origin.args) == 2:
        raise origin.fault("FROM requires either one or three arguments")
    return Stage(origin.args[0], name, origin.flags.get("platform", ""), origin)


def _instruction(node: DockerfileInstruction) -> Instruction:
    bare = Instruction(node.name, node.original, tuple(node.args), node.json, line=node.start_line)
    flags, many = _flags(bare, node.flags)
    made = Instruction(
        node.name, node.original, tuple(node.args), node.json, flags, many, tuple(node.heredocs), node.start_line
    )
    _check_words(made)
    check = _CHECKS.get(node.name)
    if check is not None:
        check(made)
    return made


def _flags(instruction: Instruction, words: list[str]) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    known = FLAGS.get(instruction.name, {})
    flags: dict[str, str] = {}
    many: dict[str, tuple[str, ...]] = {}
    for word in words:
        name, equals, value = word.removeprefix("--").partition("=")
        if name not in known:
            raise instruction.fault(f"unknown flag: --{name}{did_you_mean(name, known, '--')}")
        if not equals and name not in _SWITCHES:
            raise instruction.fault(f"missing a value on flag: {name}")
        if (instruction.name, name) in _REFUSED and (name, value) != ("security", "sandbox"):
            raise Unimplemented(
                f"{instruction.name} --{name} (line {instruction.line}) is not supported: "
                f"{_REFUSED[instruction.name, name]}"
            )
        if known[name] == "many":
            many[name] = (*many.get(name, ()), value)
        elif name in flags:
            raise instruction.fault(f"duplicate flag specified: {name}")
        else:
            flags[name] = value
    return flags, many


def _check_words(instruction: Instruction) -> None:
    fewest, most, words = _WORDS[instruction.name]
    count = len(instruction.args)
    if count < fewest or (most is not None and count > most):
        raise instruction.fault(f"{instruction.name} requires {words}")
    if instruction.name in ("ADD", "COPY") and not instruction.args[-1]:
        raise instruction.fault(f"{instruction.name} requires a destination")


def _check_onbuild(instruction: Instruction) -> None:
    word, _, _ = instruction.rest.partition(" ")
    word = word.upper()
    if not word:
        raise instruction.fault("ONBUILD requires at least one argument")
    if word == "ONBUILD":
        raise instruction.fault("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed")
    if word in ("FROM", "MAINTAINER"):
        raise instruction.fault(f"{word} isn't allowed as an ONBUILD trigger")
    parse_one(instruction.rest)


def _check_shell(instruction: Instruction) -> None:
    if not instruction.json:
        raise instruction.fault("SHELL requires the arguments to be in JSON form")


def _check_healthcheck(instruction: Instruction) -> None:
    kind = instruction.args[0].upper()
    if kind == "NONE":
        if len(instruction.args) > 1:
            raise instruction.fault("HEALTHCHECK NONE takes no arguments")
    elif kind != "CMD":
        raise instruction.fault(f"Unknown type '{kind}' in HEALTHCHECK (try CMD)")
    elif not any(instruction.args[1:]):
        raise instruction.fault("Missing command after HEALTHCHECK CMD")


def _check_pairs(instruction: Instruction) -> None:
    for name in instruction.args[::3]:
        if not name:
            raise instruction.fault(f"{instruction.name} names can not be blank")


def _check_arg(instruction: Instruction) -> None:
    for word in instruction.args:
        if word.startswith("=") or not word:
            raise instruction.fault("ARG names can not be blank")


def _check_run(instruction: Instruction) -> None:
    if not instruction.args or not any(instruction.args):
        raise instruction.fault("RUN requires at least one argument")


def _check_volume(instruction: Instruction) -> None:
    if not all(instruction.args):
        raise instruction.fault("VOLUME specified can not be an empty string")


def _check_sources(instruction: Instruction) -> None:
    if not instruction.flags.get("checksum"):
        return
    if len(instruction.args) > 2:
        raise instruction.fault("checksum can't be specified for multiple sources")
    if not instruction.args[0].startswith(("http://", "https://", "git://", "git@", "ssh://", "$")):
        raise instruction.fault("checksum requires HTTP(S) or Git sources")


_CHECKS: dict[str, Callable[[Instruction], None]] = {
    "ADD": _check_sources,
    "ARG": _check_arg,
    "ENV": _check_pairs,
    "HEALTHCHECK": _check_healthcheck,
    "LABEL": _check_pairs,
    "ONBUILD": _check_onbuild,
    "RUN": _check_run,
    "SHELL": _check_shell,
    "VOLUME": _check_volume,
}


def _reworded(error: DockerfileSyntaxError, lines: list[str]) -> str:
    text = str(error).removeprefix("Dockerfile parse error").strip()
    unknown = _UNKNOWN.search(text)
    if unknown:
        text += did_you_mean(unknown[1].upper(), _WORDS)
    shown = ""
    if error.line and error.line <= len(lines):
        shown = f"\n  {error.line} | {lines[error.line - 1].rstrip()}"
    return f"dockerfile parse error {text}{shown}"


def did_you_mean(word: str, known: Iterable[str], prefix: str = "") -> str:
    """What is nearest to a word that nobody knows, if anything is near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" (did you mean {prefix}{near[0]}?)" if near else ""
