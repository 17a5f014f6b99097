"""Which networks a list shows or a prune removes: Docker's filters as predicates. Pure."""

from collections.abc import Sequence

from engine import timestamps
from engine.filters import Filters
from engine.networks.model import Endpoint, Network
from proto.errdefs import InvalidArgument

ACCEPTED = frozenset(("dangling", "driver", "id", "label", "name", "scope", "type"))
ACCEPTED_BY_PRUNE = frozenset(("label", "label!", "until"))


def is_shown(network: Network, filters: Filters, endpoints: Sequence[Endpoint]) -> bool:
    """Whether a list shows the network."""
    kind = "builtin" if network.is_predefined else "custom"
    for value in filters.get("type"):
        if value not in ("builtin", "custom"):
            raise InvalidArgument(f"invalid filter: 'type'='{value}'")
    dangling = filters.boolean("dangling")
    return (
        filters.exact("driver", network.driver)
        and filters.exact("scope", "local")
        and filters.exact("type", kind)
        and filters.pattern("name", network.name)
        and _starts(filters, network.id)
        and filters.labels_match("label", network.labels)
        and (dangling is None or dangling == (not network.is_predefined and not endpoints))
    )


def is_pruned(network: Network, filters: Filters, endpoints: Sequence[Endpoint]) -> bool:
    """Whether a prune removes the network."""
    if network.is_predefined or network.config_only or endpoints or not filters.labels_match("label", network.labels):
        return False
    if "label!" in filters and filters.labels_match("label!", network.labels):
        return False
    return all(timestamps.to_ns(network.created) < limit for limit in limits(filters))


def limits(filters: Filters) -> list[int]:
    """`until` of a prune, in nanoseconds since the epoch; raises InvalidArgument."""
    return [timestamps.since_ns(text) for text in filters.get("until")]


def _starts(filters: Filters, network_id: str) -> bool:
    wanted = filters.get("id")
    return not wanted or any(network_id.startswith(text) for text in wanted)
