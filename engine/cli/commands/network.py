"""`wherry network create|connect|disconnect|ls|rm`."""

from typing import Any

import click

from engine.cli.client import Daemon
from engine.cli.container_config import key_values
from engine.cli.each import for_each
from engine.cli.formats import by_name, labelled, print_rows
from engine.cli.grammar import FORMAT_HELP, Command, filters_from, pass_daemon
from engine.cli.humane import go_time
from engine.cli.network_flags import driver_options
from engine.cli.network_pools import pools


@click.command(cls=Command)
@click.option("--attachable", is_flag=True, help="Enable manual container attachment.")
@click.option("--aux-address", multiple=True, help="Auxiliary IPv4 or IPv6 addresses used by the network driver.")
@click.option("--config-from", help="The network from which to copy the configuration.")
@click.option("--config-only", is_flag=True, help="Create a configuration only network.")
@click.option("--driver", "-d", default="bridge", help="Driver to manage the network.")
@click.option("--gateway", multiple=True, help="IPv4 or IPv6 gateway for the subnet.")
@click.option("--internal", is_flag=True, help="Restrict external access to the network.")
@click.option("--ip-range", multiple=True, help="Allocate container ip from a sub-range.")
@click.option("--ipam-driver", default="default", help="IP Address Management Driver.")
@click.option("--ipam-opt", multiple=True, help="Set IPAM driver specific options.")
@click.option("--ipv4/--no-ipv4", default=True, help="IPv4 address assignment.")
@click.option("--ipv6", is_flag=True, help="Enable IPv6 networking.")
@click.option("--label", multiple=True, help="Set metadata on a network.")
@click.option("--opt", "-o", multiple=True, help="Set driver specific options.")
@click.option("--scope", help="Control the network's scope.")
@click.option("--subnet", multiple=True, help="Subnet in CIDR format that represents a network segment.")
@click.argument("name")
@pass_daemon
def create(daemon: Daemon, /, name: str, **flags: Any) -> None:
    """Create a network."""
    body = {
        "Name": name,
        "Driver": flags["driver"],
        "Internal": flags["internal"],
        "Attachable": flags["attachable"],
        "EnableIPv4": flags["ipv4"],
        "EnableIPv6": flags["ipv6"],
        "Options": key_values(flags["opt"]),
        "Labels": key_values(flags["label"]),
        "IPAM": {
            "Driver": flags["ipam_driver"],
            "Options": key_values(flags["ipam_opt"]),
            "Config": pools(flags["subnet"], flags["ip_range"], flags["gateway"], flags["aux_address"]),
        },
        "Scope": flags["scope"] or "",
        "ConfigOnly": flags["config_only"],
        "CheckDuplicate": True,
    }
    if flags["config_from"]:
        body["ConfigFrom"] = {"Network": flags["config_from"]}
    click.echo(daemon.post("/networks/create", body)["Id"])


@click.command(cls=Command)
@click.option("--alias", multiple=True, help="Add network-scoped alias for the container.")
@click.option("--driver-opt", multiple=True, help="Driver options for the network.", metavar="KEY=VALUE")
@click.option("--gw-priority", type=int, default=0, help="Highest priority provides the default gateway.")
@click.option("--ip", help="IPv4 address.")
@click.option("--ip6", help="IPv6 address.")
@click.option("--link", multiple=True, help="Add link to another container.")
@click.option("--link-local-ip", multiple=True, help="Add a link-local address for the container.")
@click.argument("network")
@click.argument("container")
@pass_daemon
def connect(daemon: Daemon, /, network: str, container: str, **flags: Any) -> None:
    """Connect a container to a network."""
    known = (("IPv4Address", "ip"), ("IPv6Address", "ip6"), ("LinkLocalIPs", "link_local_ip"))
    addresses = {key: flags[flag] for key, flag in known if flags[flag]}
    endpoint: dict[str, Any] = {"Aliases": [*flags["alias"]], "Links": [*flags["link"]], "IPAMConfig": addresses}
    endpoint |= {"DriverOpts": driver_options(flags["driver_opt"]), "GwPriority": flags["gw_priority"]}
    daemon.post(f"/networks/{network}/connect", {"Container": container, "EndpointConfig": endpoint})


@click.command(cls=Command)
@click.option("--force", "-f", is_flag=True, help="Force the container to disconnect from a network.")
@click.argument("network")
@click.argument("container")
@pass_daemon
def disconnect(daemon: Daemon, network: str, container: str, force: bool) -> None:
    """Disconnect a container from a network."""
    daemon.post(f"/networks/{network}/disconnect", {"Container": container, "Force": force})


@click.command("ls", cls=Command)
@click.option("--filter", "-f", "filters", multiple=True, help="Provide filter values (e.g. driver=bridge).")
@click.option("--format", "template", help=FORMAT_HELP)
@click.option("--no-trunc", is_flag=True, help="Do not truncate the output.")
@click.option("--quiet", "-q", is_flag=True, help="Only display network IDs.")
@pass_daemon
def list_(daemon: Daemon, filters: tuple[str, ...], template: str | None, no_trunc: bool, quiet: bool) -> None:
    """List networks."""
    print_rows(
        by_name(daemon.get("/networks", filters=filters_from(filters))),
        labelled(
            [
                ("NETWORK ID", "ID", lambda row: row["Id"] if no_trunc else row["Id"][:12]),
                ("NAME", "Name", lambda row: row["Name"]),
                ("DRIVER", "Driver", lambda row: row["Driver"]),
                ("SCOPE", "Scope", lambda row: row["Scope"]),
                ("IPV4", "IPv4", lambda row: str(row.get("EnableIPv4", True)).lower()),
                ("IPV6", "IPv6", lambda row: str(row.get("EnableIPv6", False)).lower()),
                ("INTERNAL", "Internal", lambda row: str(row.get("Internal", False)).lower()),
                ("CREATED AT", "CreatedAt", lambda row: go_time(row.get("Created", ""))),
            ]
        ),
        ["ID", "Name", "Driver", "Scope"],
        template,
        quiet_key="ID" if quiet else "",
    )


@click.command("rm", cls=Command)
@click.option("--force", "-f", is_flag=True, help="Do not error if the network does not exist.")
@click.argument("networks", nargs=-1, required=True)
@pass_daemon
def remove(daemon: Daemon, networks: tuple[str, ...], force: bool) -> None:
    """Remove one or more networks."""
    for_each(networks, lambda name: daemon.delete(f"/networks/{name}", force=force or None))
