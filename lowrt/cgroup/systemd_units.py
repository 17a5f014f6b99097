"""Names of systemd's units and where their cgroups lie; pure. `slice:prefix:name` is a scope `prefix-name.scope`."""

from lowrt.cgroup.files import CgroupError

_SLICE = ".slice"


class Unit:
    """A container's unit: its name, its slice ("" is the manager's default), and the container's name in it."""

    __slots__ = ("container", "name", "slice")

    def __init__(self, name: str, slice_: str, container: str) -> None:
        self.name = name
        self.slice = slice_
        self.container = container

    @property
    def is_slice(self) -> bool:
        return self.name.endswith(_SLICE)


def unit_of(cgroups_path: str, container_id: str) -> Unit:
    """From cgroupsPath, or from the id where there is none."""
    if not cgroups_path:
        return Unit(f"lowrt-{container_id}.scope", "", container_id)
    parts = cgroups_path.split(":")
    if len(parts) != 3:
        form = 'expected cgroupsPath to be of format "slice:prefix:name" for systemd cgroups'
        raise CgroupError(f'{form}, got "{cgroups_path}" instead')
    parent, prefix, name = parts
    if "/" in name or "/" in prefix or not name:
        raise CgroupError(f'invalid unit name in cgroupsPath "{cgroups_path}"')
    return Unit(name if name.endswith(_SLICE) else f"{prefix}-{name}.scope", parent, name)


def expand_slice(name: str) -> str:
    """The path of a slice: each dash is a level, so that a-b.slice is /a.slice/a-b.slice."""
    invalid = CgroupError(f"invalid slice name: {name}")
    if not name.endswith(_SLICE) or "/" in name:
        raise invalid
    stem = name.removesuffix(_SLICE)
    if stem == "-":
        return "/"
    path, prefix = "", ""
    for component in stem.split("-"):
        if not component:
            raise invalid
        path += f"/{prefix}{component}{_SLICE}"
        prefix += f"{component}-"
    return path


def cgroup_path(unit: Unit, default_slice: str, manager_group: str = "") -> str:
    """The unit's cgroup below the mount point; a user's manager has its own cgroup, above all of its units."""
    slice_path = expand_slice(unit.slice) if unit.slice else f"/{default_slice}"
    base = f"{manager_group.rstrip('/')}{slice_path}".rstrip("/")
    return f"{base}/{unit.name}"
