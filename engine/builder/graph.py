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


def plan(
    file: Dockerfile,
    target: str,
    expand: Callable[[str], str],
    replaced: Collection[str] = (),
    *,
    later: bool = False,
) -> Plan:
    """From the target backwards; InvalidArgument for a target that is not there. `replaced` names are no stages.

    `later`: files may be taken from stages further down, as BuildKit has it.
    """
    index = _target(file, target)
    waits: dict[int, frozenset[int]] = {}
    open_ones = [index]
    while open_ones:
        current = open_ones.pop()
        if current in waits:
            continue
        waits[current] = frozenset(_origins(file, current, expand, replaced, later=later))
        open_ones += waits[current]
    if (circle := _circle(waits, index, set(), [])) is not None:
        raise InvalidArgument(f"circular dependency detected on stage: {file.stages[circle].name or circle}")
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


def _circle(waits: dict[int, frozenset[int]], index: int, done: set[int], way: list[int]) -> int | None:
    """A stage that waits for itself."""
    if index in way:
        return index
    if index in done:
        return None
    for one in sorted(waits[index]):
        if (found := _circle(waits, one, done, [*way, index])) is not None:
            return found
    done.add(index)
    return None


def copied_index(file: Dockerfile, name: str, index: int, *, later: bool) -> int | None:
    """The stage that stage `index` takes files from by this name."""
    return stage_index(file, name, len(file.stages) if later else index)


def _origins(
    file: Dockerfile, index: int, expand: Callable[[str], str], replaced: Collection[str], *, later: bool
) -> set[int]:
    stage = file.stages[index]
    base = expand(stage.base)
    found = {base_index(file, base, index)} if base.lower() not in replaced else set()
    names = [name for name in origins(stage) if name.lower() not in replaced]
    found |= {copied_index(file, name, index, later=later) for name in names}
    return {each for each in found if each is not None}


def origins(stage: Stage) -> list[str]:
    """Every name after a `from` in the stage's instructions."""
    names = [instruction.flags["from"] for instruction in stage.instructions if instruction.flags.get("from")]
    for instruction in stage.instructions:
        for mount in instruction.many.get("mount", ()):
            names += [word.partition("=")[2] for word in mount.split(",") if word.strip().startswith("from=")]
    return names
