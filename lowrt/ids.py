"""The grammar of a container's id: it names a directory, so nothing that leads elsewhere may pass."""

from lowrt.errors import empty_id, invalid_id

# runc's expression is [\w+-\.]+, where "+-\." is a range: plus, comma, minus, dot.
_ALLOWED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+,-.")
_LONGEST = 255  # NAME_MAX


def check_id(container_id: str) -> str:
    """Return the id, or raise what is wrong with it."""
    if not container_id:
        raise empty_id()
    if not _ALLOWED.issuperset(container_id) or container_id in (".", "..") or len(container_id) > _LONGEST:
        raise invalid_id()
    return container_id
