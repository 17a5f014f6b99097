"""What BuildKit's clients call the steps of a stage: `[build 2/5] RUN make`. Pure."""

import math
from collections.abc import Callable, Collection

from engine.builder.graph import base_index
from engine.builder.parser import Dockerfile, Instruction
from engine.images import reference as references
from proto.errdefs import InvalidArgument

_SHOWN = ("RUN", "COPY", "ADD", "WORKDIR")
_SCRATCH = "scratch"
_SUMMARY = 40  # letters of a heredoc


def names(file: Dockerfile, index: int, expand: Callable[[str], str], replaced: Collection[str] = ()) -> list[str]:
    """Of FROM and of each instruction of a stage; empty for those that are not shown, as they make no files."""
    stage = file.stages[index]
    begin = _from(file, index, expand(stage.base), replaced)
    texts = [begin, *(_text(each) if each.name in _SHOWN else "" for each in stage.instructions)]
    total, number = sum(map(bool, texts)), 0
    name = (stage.name or f"stage-{index}") + " " if len(file.stages) > 1 else ""
    width = int(1 + math.log10(total)) if total else 1
    found = []
    for text in texts:
        number += bool(text)
        found.append(f"[{name}{number:{width}d}/{total}] {text}" if text else "")
    return found


def _from(file: Dockerfile, index: int, base: str, replaced: Collection[str]) -> str:
    """FROM an image; what is FROM a stage, or scratch, goes on with nothing to show."""
    if base.lower() not in replaced and (base == _SCRATCH or base_index(file, base, index) is not None):
        return ""
    try:
        return f"FROM {references.parse(base).with_default_tag()}"
    except InvalidArgument:
        return f"FROM {base}"


def _text(instruction: Instruction) -> str:
    words = instruction.rest
    if instruction.heredocs:
        first = instruction.heredocs[0].content.strip().split("\n", 1)[0][:_SUMMARY]
        words = f"{words.split(chr(10), 1)[0]} ({first}...)"
    return f"{instruction.name} {words}"
