"""systemd's manager object: the few methods that the cgroup driver calls, over the system's bus or the user's.

Root asks the system bus, and systemd's own socket where there is no bus; an ordinary user asks the session bus, where
the user's own manager listens. A job's end is a signal, waited for as long as runc waits.
"""

import os

from lowrt.dbus.connection import Connection, DBusError
from lowrt.errors import Fault, describe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lowrt.cgroup.systemd_properties import Property
    from lowrt.dbus.message import Message

NAME, PATH = "org.freedesktop.systemd1", "/org/freedesktop/systemd1"
MANAGER = "org.freedesktop.systemd1.Manager"
JOB_PATIENCE = 30.0
_PRIVATE = "unix:path=/run/systemd/private"
_SYSTEM_BUS = "unix:path=/run/dbus/system_bus_socket"


class Manager:
    """One connection to one manager."""

    def __init__(self, connection: Connection, *, bus: bool) -> None:
        self._connection = connection
        self._version = 0
        if bus:
            connection.add_match(
                f"type='signal',sender='{NAME}',path='{PATH}',interface='{MANAGER}',member='JobRemoved'"
            )

    @classmethod
    def connect(cls, *, user: bool) -> "Manager":
        try:
            return cls._connect_user() if user else cls._connect_system()
        except (Fault, OSError) as error:
            raise Fault(
                "failed to connect to dbus (hint: for rootless containers, maybe you need to install dbus-user-session "
                f"package): {describe(error)}"
            ) from error

    @classmethod
    def _connect_system(cls) -> "Manager":
        address = os.environ.get("DBUS_SYSTEM_BUS_ADDRESS") or _SYSTEM_BUS
        try:
            return cls(Connection.open(address, bus=True), bus=True)
        except (Fault, OSError):
            if os.geteuid() != 0:
                raise
        return cls(Connection.open(_PRIVATE, bus=False), bus=False)

    @classmethod
    def _connect_user(cls) -> "Manager":
        return cls(Connection.open(user_bus_address(os.environ), bus=True), bus=True)

    def close(self) -> None:
        self._connection.close()

    def start_transient_unit(self, name: str, properties: "list[Property]", *, may_exist: bool = False) -> None:
        """Start it and wait until it is there; a failed one of that name, left by another, makes room."""
        body: tuple[object, ...] = (name, "replace", properties, [])
        try:
            result = self._run_job("StartTransientUnit", "ssa(sv)a(sa(sv))", body)
        except DBusError as error:
            if not error.name.startswith(f"{NAME}.UnitExists"):
                raise
            if may_exist:
                return
            self.reset_failed_unit(name)
            result = self._run_job("StartTransientUnit", "ssa(sv)a(sa(sv))", body)
        if result == "done":
            return
        self.reset_failed_unit(name)
        if not result:
            raise Fault(f"Timeout waiting for systemd to create {name}")
        raise Fault(f"error creating systemd unit `{name}`: got `{result}`")

    def stop_unit(self, name: str) -> None:
        """Stop it and wait until it is gone; one that is not there is gone."""
        try:
            result = self._run_job("StopUnit", "ss", (name, "replace"))
        except DBusError:
            result = "done"
        if not result:
            raise Fault(f"Timed out while waiting for systemd to remove {name}")
        self.reset_failed_unit(name)

    def reset_failed_unit(self, name: str) -> None:
        """Let systemd forget a unit that has failed; most have not, and that is no error."""
        try:
            self._call("ResetFailedUnit", "s", (name,))
        except DBusError:
            return

    def attach(self, name: str, pid: int) -> None:
        """Have a process moved into the unit's cgroup."""
        self._call("AttachProcessesToUnit", "ssau", (name, "/", [pid]))

    def set_unit_properties(self, name: str, properties: "list[Property]") -> None:
        """At runtime only: nothing is written to disk."""
        self._call("SetUnitProperties", "sba(sv)", (name, True, properties))

    def version(self) -> int:
        """The number in `v252.38-1`; -1 where it has none."""
        if not self._version:
            digits = ""
            for character in self._property("Version").lstrip('"v'):
                if not character.isdigit():
                    break
                digits += character
            self._version = int(digits or "-1")
        return self._version

    def control_group(self) -> str:
        """The manager's own cgroup."""
        return self._property("ControlGroup")

    def _property(self, name: str) -> str:
        (value,) = self._connection.call(NAME, PATH, "org.freedesktop.DBus.Properties", "Get", "ss", (MANAGER, name))
        return str(value.value)

    def _call(self, member: str, signature: str, body: "tuple[object, ...]") -> "tuple[object, ...]":
        return self._connection.call(NAME, PATH, MANAGER, member, signature, body)

    def _run_job(self, member: str, signature: str, body: "tuple[object, ...]") -> str:
        """The job's result, "" when it did not end in time."""
        (job,) = self._call(member, signature, body)
        ended = self._connection.wait_signal(_removal_of(str(job)), JOB_PATIENCE)
        return str(ended.body[3]) if ended is not None else ""


def _removal_of(job: str) -> "Callable[[Message], bool]":
    """JobRemoved(id, job, unit, result)."""
    return lambda got: got.member == "JobRemoved" and len(got.body) == 4 and got.body[1] == job


def user_bus_address(environment: "os._Environ[str] | dict[str, str]") -> str:
    """The session bus."""
    if environment.get("DBUS_SESSION_BUS_ADDRESS"):
        return environment["DBUS_SESSION_BUS_ADDRESS"]
    folder = environment.get("XDG_RUNTIME_DIR")
    if folder and os.path.exists(f"{folder}/bus"):
        return f"unix:path={folder}/bus"
    raise Fault(
        "could not detect DBUS_SESSION_BUS_ADDRESS from the environment; make sure you have installed the "
        "dbus-user-session or dbus-daemon package; note you may need to re-login"
    )
