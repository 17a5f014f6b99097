"""Which images a list shows: Docker's filters, as predicates over images. Pure, but for the look-up of named images."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from engine import patterns, timestamps
from engine.filters import Filters
from engine.images.model import Image
from engine.images.reference import Reference
from proto.errdefs import InvalidArgument

ACCEPTED = frozenset(("dangling", "label", "before", "since", "reference", "until"))
ACCEPTED_BY_PRUNE = frozenset(("dangling", "label", "label!", "until"))


@dataclass(frozen=True, slots=True)
class Selection:
    """A list's filters, understood."""

    dangling: bool | None = None
    filters: Filters = field(default_factory=Filters)
    patterns: tuple[str, ...] = ()
    before: int | None = None
    since: int | None = None

    def narrow(self, image: Image) -> Image | None:
        """The image with only the names that were asked for; None where it is not to be shown."""
        if not self.chooses(image):
            return None
        named = bool(image.references)
        if self.patterns:
            image = _with_names(image, lambda reference: any(matches(pattern, reference) for pattern in self.patterns))
            if not image.references:
                return None
        if self.dangling is True and image.tags:
            return None
        if self.dangling is False and not named:
            return None
        return image

    def chooses(self, image: Image) -> bool:
        """Whether age and labels are as asked for."""
        return self._in_time(image) and self._labelled(image)

    def _in_time(self, image: Image) -> bool:
        created = image.created_ns
        if self.before is not None and (created is None or created >= self.before):
            return False
        return self.since is None or (created is not None and created > self.since)

    def _labelled(self, image: Image) -> bool:
        if not self.filters.labels_match("label", image.labels):
            return False
        return "label!" not in self.filters or not self.filters.labels_match("label!", image.labels)


async def understand(
    filters: Filters,
    resolve: Callable[[str], Awaitable[Image]],
) -> Selection:
    """Read the filters of a request; `before` and `since` name images that are there."""
    before = [(await resolve(text)).created_ns for text in filters.get("before")]
    before += [_until(text) for text in filters.get("until")]
    since = [(await resolve(text)).created_ns for text in filters.get("since")]
    return Selection(
        filters=filters,
        dangling=filters.boolean("dangling"),
        patterns=tuple(filters.get("reference")),
        before=min((moment for moment in before if moment is not None), default=None),
        since=max((moment for moment in since if moment is not None), default=None),
    )


def _until(text: str) -> int:
    try:
        return timestamps.since_ns(text)
    except (InvalidArgument, ValueError) as error:
        raise InvalidArgument(f"invalid value for 'until' filter: {error}") from error


def matches(pattern: str, reference: Reference) -> bool:
    """Go's path.Match of a pattern against the name in each of its spellings."""
    spellings = (reference.familiar, reference.familiar_name, str(reference.with_default_tag()), reference.name)
    expression = _glob(pattern)
    return any(patterns.matches(expression, spelling) for spelling in spellings)


def _glob(pattern: str) -> str:
    """Go's glob as a regular expression: unlike fnmatch's, neither * nor ? crosses a slash."""
    out = []
    position = 0
    while position < len(pattern):
        letter = pattern[position]
        position += 1
        if letter == "*":
            out.append("[^/]*")
        elif letter == "?":
            out.append("[^/]")
        elif letter == "[":
            text, position = _set(pattern, position)
            out.append(text)
        elif letter == "\\" and position < len(pattern):
            out.append(_escaped(pattern[position]))
            position += 1
        else:
            out.append(_escaped(letter))
    return "".join(out)


def _set(pattern: str, position: int) -> tuple[str, int]:
    """`[a-z]` or `[^a-z]` behind its bracket; and where it ends."""
    negated = pattern[position : position + 1] == "^"
    start = position = position + negated
    out = []
    while position < len(pattern) and pattern[position] != "]":
        letter = pattern[position]
        if letter == "\\" and position + 1 < len(pattern):
            position += 1
            out.append(_escaped(pattern[position]))
        else:
            out.append("-" if letter == "-" and position > start else _escaped(letter))
        position += 1
    if position >= len(pattern) or not out:
        raise InvalidArgument("syntax error in pattern")
    return f"[{'^' if negated else ''}{''.join(out)}]", position + 1


def _escaped(letter: str) -> str:
    return letter if letter.isalnum() or ord(letter) > 127 else f"\\x{ord(letter):02x}"


def _with_names(image: Image, wanted: Callable[[Reference], bool]) -> Image:
    names = tuple(name for name in image.names if name.reference is not None and wanted(name.reference))
    return Image(image.manifest, names)
