"""Which stages a build needs, and which of them wait for which. Pure."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from engine.builder.parser import Dockerfile, Stage
from proto.errdefs import InvalidArgument


@dataclass(frozen=True, slots=True)
class Plan:
    """The stages to be built, in the Dockerfile's order, by index; the last to be tagged is `target`."""

    target: int
    needed: tuple[int, ...]
    waits_for: dict[int, frozenset[int]]


def plan(file: Dockerfile, target: str, expand: Callable[[str], str], replaced: Collection[str] = ()) -> Plan:
    """From the target backwards; InvalidArgument for a target that is not there. `replaced` names are no stages."""
    index = _target(file, target)
    waits: dict[int, frozenset[int]] = {}
    open_ones = [index]
    while open_ones:
        current = open_ones.pop()
        if current in waits:
            continue
        waits[current] = frozenset(_origins(file, current, expand, replaced))
        open_ones += waits[current]
    return Plan(index, tuple(sorted(waits)), waits)


def stage_index(file: Dockerfile, name: str, before: int) -> int | None:
    """The stage that a name or number means, seen from stage `before`: only earlier ones can be meant."""
    for index in reversed(range(before)):
        if file.stages[index].name and file.stages[index].name == name.lower():
            return index
    if name.isascii() and name.isdigit() and len(name) < 6 and int(name) < before:
        return int(name)
    return None


def base_index(file: Dockerfile, name: str, before: int) -> int | None:
    """The same for FROM, which knows no numbers."""
    return None if name.isdigit() else stage_index(file, name, before)


def _target(file: Dockerfile, target: str) -> int:
    if not target:
        return len(file.stages) - 1
    found = stage_index(file, target, len(file.stages))
    if found is None:
        raise InvalidArgument(f"failed to reach build target {target} in Dockerfile")
    return found


def _origins(file: Dockerfile, index: int, expand: Callable[[str], str], replaced: Collection[str]) -> set[int]:
    stage = file.stages[index]
    base = expand(stage.base)
    found = {base_index(file, base, index)} if base.lower() not in replaced else set()
    found |= {stage_index(file, name, index) for name in origins(stage) if name.lower() not in replaced}
    return {each for each in found if each is not None}


def origins(stage: Stage) -> list[str]:
    """Every name after a `from` in the stage's instructions."""
    names = [instruction.flags["from"] for instruction in stage.instructions if instruction.flags.get("from")]
    for instruction in stage.instructions:
        for mount in instruction.many.get("mount", ()):
            names += [word.partition("=")[2] for word in mount.split(",") if word.strip().startswith("from=")]
    return names
