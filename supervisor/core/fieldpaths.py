"""Update masks: the dotted paths that say which fields of a record an update replaces."""

from collections.abc import Callable, Mapping, Sequence


def apply_mask(
    fieldpaths: Sequence[str],
    fields: Mapping[str, Callable[[], None]],
    maps: Mapping[str, Callable[[str], None]],
    refuse: Callable[[str], Exception],
) -> None:
    """Call the setter that each path names: a whole field, or one key of a map (`labels.<key>`; keys may have dots)."""
    for path in fieldpaths:
        head, dot, key = path.partition(".")
        if dot and head in maps:
            maps[head](key)
        elif path in fields:
            fields[path]()
        else:
            raise refuse(path)


def merge_key(current: dict[str, str], wanted: Mapping[str, str], key: str) -> None:
    """Set one label as the mask says; an absent or empty value removes it, for stores keep no empty labels."""
    value = wanted.get(key, "")
    if value:
        current[key] = value
    else:
        current.pop(key, None)
