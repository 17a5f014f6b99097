"""A container's runtime options (`containerd.runc.v1.Options`), and their file in the bundle, which `delete` reads."""

import json

from shim.paths import RUNTIME_ROOT, read_text, write_atomically

_FIELDS = {
    "binary_name": "",
    "root": "",
    "systemd_cgroup": False,
    "no_pivot_root": False,
    "no_new_keyring": False,
    "io_uid": 0,
    "io_gid": 0,
    "shim_cgroup": "",
    "criu_image_path": "",
    "criu_work_path": "",
}


class RuntimeOptions:
    """Which runtime, and how it is to be used; the names are those of the message's fields."""

    __slots__ = (*_FIELDS,)

    binary_name: str
    root: str
    systemd_cgroup: bool
    no_pivot_root: bool
    no_new_keyring: bool
    io_uid: int
    io_gid: int
    shim_cgroup: str
    criu_image_path: str
    criu_work_path: str

    def __init__(self, **given: str | bool | int) -> None:
        for name, default in _FIELDS.items():
            setattr(self, name, given.get(name, default))

    def runtime_root(self, namespace: str) -> str:
        """The runtime's --root."""
        return f"{self.root or RUNTIME_ROOT}/{namespace}"


def write_options(path: str, options: RuntimeOptions) -> None:
    """Keep the options; absent is default, as Go's JSON has it."""
    document = {name: getattr(options, name) for name, default in _FIELDS.items() if getattr(options, name) != default}
    write_atomically(path, json.dumps(document).encode(), 0o600)


def read_options(path: str) -> RuntimeOptions:
    """The options kept; defaults without a file."""
    text = read_text(path)
    document = json.loads(text) if text else {}
    return RuntimeOptions(**{name: value for name, value in document.items() if name in _FIELDS})


def field_names() -> tuple[str, ...]:
    """The message's fields that are used here."""
    return tuple(_FIELDS)
