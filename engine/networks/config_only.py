"""Networks that are a configuration for others and nothing else (`--config-only`), and others made from one. Pure.

network create --config-only --subnet 10.41.0.0/24 -o parent=eth0 plan     driver null, no link, no addresses taken
network create --config-from plan -d macvlan lan                           what the plan says, at this moment
"""

from collections.abc import Mapping
from typing import Any

from engine.networks import ipam_request
from engine.networks.model import Network
from proto.errdefs import NotFound, PermissionDenied

Json = Mapping[str, Any]

_SPECIFIC = ("EnableIPv4", "EnableIPv6", "IPAM", "Options", "Labels")  # what a configuration has, and nothing else


def check(body: Json) -> None:
    """Refuse what a configuration network, or one that is made from one, may not say, in dockerd's words."""
    source = named_by(body)
    if body.get("ConfigOnly"):
        if any(body.get(key) for key in ("Ingress", "Internal", "Attachable", "Scope")):
            raise PermissionDenied(
                "configuration network can only contain network specific fields. Network operator fields like "
                "[ ingress | internal | attachable | scope ] are not supported."
            )
        if source:
            raise PermissionDenied("a configuration network cannot depend on another configuration network")
        ipam_request.read(body.get("IPAM") or {})
    elif source:
        ipam = body.get("IPAM") or {}
        said = (
            body.get("EnableIPv4") is False,
            body.get("EnableIPv6"),
            body.get("Labels"),
            ipam.get("Config"),
            ipam.get("Options"),
            ipam.get("Driver") not in (None, "", "default"),
        )
        if any(said):
            raise PermissionDenied(
                "user specified configurations are not supported if the network depends on a configuration network"
            )
        if body.get("Options"):
            raise PermissionDenied(
                "network driver options are not supported if the network depends on a configuration network"
            )


def named_by(body: Json) -> str:
    """The configuration that a request names."""
    return str((body.get("ConfigFrom") or {}).get("Network") or "")


def template(body: Json) -> dict[str, Any]:
    """What a configuration network keeps of its request."""
    return {key: body[key] for key in _SPECIFIC if body.get(key) is not None}


def completed(body: Json, source: Network | None) -> Json:
    """A request with what the configuration that it names says for it."""
    name = named_by(body)
    if not name:
        return body
    if source is None or not source.config_only:
        raise NotFound(f'configuration network "{name}" does not exist')
    return {**body, **source.template}
