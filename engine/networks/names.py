"""Which endpoint of a network is a container's, by the container's name, its id or the start of one. Pure."""

from collections.abc import Callable, Iterable

from engine.networks.model import Endpoint


def find(endpoints: Iterable[Endpoint], text: str, name_of: Callable[[str], str]) -> Endpoint | None:
    """A name comes before an id."""
    known = list(endpoints)
    by_name = (one for one in known if name_of(one.container_id) == text)
    by_id = (one for one in known if text and one.container_id.startswith(text))
    return next(by_name, None) or next(by_id, None)
