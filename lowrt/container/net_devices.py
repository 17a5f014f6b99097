"""linux.netDevices: interfaces of the host that a container gets, with their addresses, under their names or new ones.

The kernel gives them back when the namespace ends: devices of hardware return to the host, others are gone.
"""

import errno
import os

from lowrt.errors import Fault, describe
from lowrt.linux.constants import CLONE_NEWNET
from lowrt.linux.namespaces import setns
from lowrt.linux.rtnetlink import Route

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Json = dict[str, Any]


def move_all(devices: "Json", pid: int) -> None:
    """Move each into the network namespace of init, which waits."""
    path = f"/proc/{pid}/ns/net"
    namespace = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    here, there = Route(), _route_in(namespace)
    try:
        for name, device in devices.items():
            new_name = (device or {}).get("name") or name
            try:
                _move(here, there, namespace, name, new_name)
            except (OSError, Fault) as error:
                raise Fault(f"move netDevice {name} to namespace {path}: {describe(error)}") from error
    finally:
        here.close()
        there.close()
        os.close(namespace)


def _route_in(namespace: int) -> Route:
    """A socket stays in the namespace in which it was made; we come back."""
    own = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        setns(namespace, CLONE_NEWNET)
        try:
            return Route()
        finally:
            setns(own, CLONE_NEWNET)
    finally:
        os.close(own)


def _move(here: Route, there: Route, namespace: int, name: str, new_name: str) -> None:
    index = _find(here, name, "on runtime namespace")
    addresses = here.addresses(index)  # before it goes down, which takes IPv6's away
    try:
        _check_free(there, new_name)
        here.set_up(index, up=False)
        here.move(index, namespace, new_name)
    except OSError as error:
        raise Fault(f"fail to move network device {name}: {describe(error)}") from error
    index = _find(there, new_name, "on its new namespace")
    for address in addresses:
        if address.goes_along:
            try:
                there.add_address(index, address)
            except OSError as error:
                raise Fault(f"fail to set up address {address}: {describe(error)}") from error
    try:
        there.set_up(index, up=True)
    except OSError as error:
        raise Fault(f"fail to set up interface {new_name}: {describe(error)}") from error


def _check_free(there: Route, name: str) -> None:
    """The kernel finds a name that is taken only when the device is there already, and not ours any more."""
    try:
        there.index_of(name)
    except OSError as error:
        if error.errno == errno.ENODEV:
            return
        raise
    raise OSError(errno.EEXIST, os.strerror(errno.EEXIST))


def _find(route: Route, name: str, where: str) -> int:
    try:
        return route.index_of(name)
    except OSError as error:
        raise Fault(f"link not found for interface {name} {where}: {describe(error)}") from error
