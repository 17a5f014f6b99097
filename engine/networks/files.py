"""Writes the files that go with a sandbox, and the hosts file again when the container's networks change."""

import os
import socket
from collections.abc import Callable, Sequence

from engine.networks import hosts_files as contents
from engine.networks.hosts_files import Wishes
from engine.networks.model import Endpoint, Sandbox
from engine.networks.request import Request
from engine.paths import ContainerPaths


class Writer:
    """Knows where the files go and what the daemon adds to each."""

    def __init__(self, folder: Callable[[str], ContainerPaths], defaults: Wishes) -> None:
        self._folder = folder
        self._defaults = defaults
        self.host_gateway = ""  # the default bridge's address, once it has one

    def write(
        self,
        container_id: str,
        request: Request,
        endpoints: Sequence[Endpoint],
        *,
        own_server: bool = False,
        linked: Sequence[tuple[str, str]] = (),
    ) -> dict[str, str]:
        """Write all three; answers what is to be bound where."""
        paths = self._folder(container_id)
        os.makedirs(paths.durable, mode=0o710, exist_ok=True)
        shares_host = request.mode == "host"
        wishes = request.wishes.over(self._defaults)
        extra = contents.extra_hosts(wishes.extra_hosts, self.host_gateway)
        if shares_host:
            hosts = contents.read_host_file("/etc/hosts")
            hosts += "".join(f"{address}\t{names}\n" for address, names in extra)
        else:
            hosts = contents.hosts((*extra, *linked), _own(endpoints, self.hostname(request)))
        contents.write(paths.hosts, hosts)
        contents.write(paths.hostname, f"{request.hostname or socket.gethostname()}\n")
        found = self._resolver(request)
        contents.write(paths.resolv_conf, (contents.behind_own(found) if own_server else found).render())
        return {
            "/etc/hosts": paths.hosts,
            "/etc/hostname": paths.hostname,
            "/etc/resolv.conf": paths.resolv_conf,
        }

    def servers(self, request: Request) -> list[str]:
        """Whom a container's own name server asks."""
        return list(self._resolver(request).servers)

    def servers_in_use(self, sandbox: Sandbox) -> tuple[str, ...]:
        """The servers that a container's resolv.conf names now."""
        path = self._folder(sandbox.container_id).resolv_conf
        return contents.Resolver.parse(contents.read_host_file(path)).servers

    def has_ndots(self, sandbox: Sandbox) -> bool:
        """Whether a container's resolv.conf says which names are tried with the search domains first."""
        path = self._folder(sandbox.container_id).resolv_conf
        options = contents.Resolver.parse(contents.read_host_file(path)).options
        return any(option.startswith("ndots:") and option != "ndots:0" for option in options)

    def take_over_names(self, sandbox: Sandbox) -> list[str]:
        """Put a running container's own name server in front of those it has; answers those."""
        path = self._folder(sandbox.container_id).resolv_conf
        found = contents.Resolver.parse(contents.read_host_file(path))
        contents.write(path, contents.behind_own(found).render())
        return list(found.servers)

    def write_hosts(self, sandbox: Sandbox, endpoints: Sequence[Endpoint]) -> None:
        """Bring the container's own lines in /etc/hosts up to date, and leave every other as it is."""
        path = self._folder(sandbox.container_id).hosts
        kept = [line for line in contents.read_host_file(path).splitlines() if line.partition("\t")[2] != sandbox.name]
        own = [f"{address}\t{names}" for address, names in _own(endpoints, sandbox.name)]
        contents.write(path, "".join(f"{line}\n" for line in (*kept, *own)))

    def _resolver(self, request: Request) -> contents.Resolver:
        wishes = request.wishes.over(self._defaults)
        return contents.resolver(contents.host_resolver(), wishes, shares_host=request.mode == "host")

    def hostname(self, request: Request) -> str:
        """The names that the container's own addresses get."""
        return contents.own_names(request.hostname, request.domain)


def _own(endpoints: Sequence[Endpoint], names: str) -> list[tuple[str, str]]:
    return [(str(address), names) for endpoint in endpoints for address in endpoint.addresses]
