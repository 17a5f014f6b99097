"""Config and HostConfig → the OCI spec of a container. Pure: whatever had to be looked up comes in as `Inputs`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.containers.model import Container
from engine.security.labels import Labels
from engine.spec import apparmor, capabilities, cdi, mounts, namespaces, process, resources, seccomp, security
from engine.spec.devices import ALLOW_ALL, DEFAULT_RULES, parse_rule
from engine.spec.namespaces import Joined
from engine.spec.process import User

Json = dict[str, Any]

SPEC_VERSION = "1.0.2"  # what the oldest supported runtimes (runc 1.1, crun 1.8) read


@dataclass(frozen=True, slots=True)
class Host:
    """What the host offers, looked up once."""

    machine: str = "x86_64"
    kernel: tuple[int, int] = (6, 0)
    cgroup_v2: bool = False
    capabilities: Sequence[str] = capabilities.ALL
    seccomp: bool = True
    apparmor: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """What the daemon's configuration adds to every container."""

    cgroup_parent: str = ""
    ulimits: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    no_new_privileges: bool = False
    init_path: str = ""
    init: bool = False


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that the spec of one container is made of."""

    container: Container
    host: Host
    policy: Policy
    user: User = field(default_factory=User)
    joined: Joined = field(default_factory=Joined)
    files: Mapping[str, str] = field(default_factory=dict)  # /etc/hosts … → the engine's file
    shm: str | None = None
    device_nodes: Sequence[Json] = ()
    device_rules: Sequence[Json] = ()
    cdi_edits: Sequence[Json] = ()
    links: Sequence[str] = ()  # variables about linked containers
    recursive_read_only: bool = False  # the kernel and the runtime can
    labels: Labels = field(default_factory=Labels)  # of SELinux


def build(inputs: Inputs) -> Json:
    """The whole spec."""
    container = inputs.container
    spec: Json = {
        "ociVersion": SPEC_VERSION,
        "process": init_process(inputs),
        "root": {"path": "rootfs", "readonly": container.host_config["ReadonlyRootfs"]},
        "mounts": _mounts(inputs),
        "linux": _linux(inputs),
    }
    if container.host_config["UTSMode"] != "host":
        spec["hostname"] = container.config["Hostname"]
        if container.config["Domainname"]:
            spec["domainname"] = container.config["Domainname"]
    if container.host_config.get("Annotations"):
        spec["annotations"] = dict(container.host_config["Annotations"])
    cdi.apply(spec, inputs.cdi_edits)
    return spec


def init_process(inputs: Inputs) -> Json:
    """The container's first process."""
    container, host_config, config = inputs.container, inputs.container.host_config, inputs.container.config
    options = security.parse(host_config["SecurityOpt"])
    wants_init = inputs.policy.init if host_config.get("Init") is None else host_config["Init"]
    arguments = [container.path, *container.args]
    if wants_init and not host_config["PidMode"]:
        arguments = ["/sbin/docker-init", "--", *arguments]
    done: Json = {
        "terminal": config["Tty"],
        "user": inputs.user.to_oci(),
        "args": arguments,
        "env": process.environment(config["Env"], hostname=config["Hostname"], tty=config["Tty"], links=inputs.links),
        "cwd": config["WorkingDir"] or "/",
        "capabilities": process.capability_sets(capability_names(inputs), inputs.user),
        "noNewPrivileges": (
            inputs.policy.no_new_privileges if options.no_new_privileges is None else options.no_new_privileges
        ),
        "oomScoreAdj": host_config["OomScoreAdj"],
    }
    if profile := apparmor_profile(container, inputs.host):
        done["apparmorProfile"] = profile
    if inputs.labels.process:
        done["selinuxLabel"] = inputs.labels.process
    limits = process.rlimits(host_config["Ulimits"], inputs.policy.ulimits)
    if limits:
        done["rlimits"] = limits
    height, width = host_config["ConsoleSize"]
    if config["Tty"] and height and width:
        done["consoleSize"] = {"height": height, "width": width}
    return done


def apparmor_profile(container: Container, host: Host, *, privileged: bool = False) -> str:
    """The profile of the container's processes, or of a privileged exec in it; "" for none."""
    if privileged and host.apparmor:
        return apparmor.UNCONFINED
    asked = security.parse(container.host_config["SecurityOpt"]).apparmor
    return apparmor.profile(asked, privileged=container.host_config["Privileged"], enabled=host.apparmor)


def capability_names(inputs: Inputs) -> list[str]:
    """The container's capabilities, whoever it runs as."""
    host_config = inputs.container.host_config
    return capabilities.effective(
        host_config["CapAdd"],
        host_config["CapDrop"],
        privileged=host_config["Privileged"],
        available=inputs.host.capabilities,
    )


def _mounts(inputs: Inputs) -> list[Json]:
    container = inputs.container
    taken = {mount.destination for mount in container.mounts}
    own = [mounts.from_mount(mount, recursive=inputs.recursive_read_only) for mount in container.mounts]
    own += [
        mounts.bind(source, destination, writable=not container.host_config["ReadonlyRootfs"])
        for destination, source in inputs.files.items()
        if destination not in taken
    ]
    wants_init = inputs.policy.init if container.host_config.get("Init") is None else container.host_config["Init"]
    if wants_init and not container.host_config["PidMode"]:
        own.append(mounts.bind(inputs.policy.init_path, "/sbin/docker-init", writable=False))
    system = mounts.system_mounts(container.host_config["ShmSize"])
    writable = security.parse(container.host_config["SecurityOpt"]).writable_cgroups
    return mounts.arrange(system, own, container.host_config, shm=inputs.shm, writable_cgroups=writable)


def _linux(inputs: Inputs) -> Json:
    container, host_config = inputs.container, inputs.container.host_config
    options = security.parse(host_config["SecurityOpt"])
    masked, readonly = security.hidden_paths(host_config, options)
    linux: Json = {
        "cgroupsPath": cgroups_path(container, inputs.policy),
        "namespaces": namespaces.namespaces(
            host_config, inputs.joined, cgroup_private=host_config["CgroupnsMode"] == "private"
        ),
        "resources": resources.resources(host_config, _device_rules(inputs)),
        "devices": list(inputs.device_nodes),
        "maskedPaths": masked,
        "readonlyPaths": readonly,
    }
    if container.ids is not None:
        linux |= container.ids.to_oci()
    if inputs.labels.mount:
        linux["mountLabel"] = inputs.labels.mount
    sysctl = namespaces.sysctls(host_config, inputs.joined)
    if sysctl:
        linux["sysctl"] = sysctl
    propagation = root_propagation(container)
    if propagation:
        linux["rootfsPropagation"] = propagation
    filter_ = _seccomp(inputs, options)
    if filter_ is not None:
        linux["seccomp"] = filter_
    return linux


def cgroups_path(container: Container, policy: Policy) -> str:
    """With the cgroupfs driver: parent/id."""
    parent = container.host_config["CgroupParent"] or policy.cgroup_parent or "/docker"
    return f"{parent.rstrip('/')}/{container.id}"


def root_propagation(container: Container) -> str:
    """A bind that is to share mounts needs a root that lets them through."""
    modes = {mount.propagation.removeprefix("r") for mount in container.mounts}
    return "shared" if "shared" in modes else "rslave" if "slave" in modes else ""


def _device_rules(inputs: Inputs) -> list[Json]:
    if inputs.container.host_config["Privileged"]:
        return [ALLOW_ALL]
    asked = [parse_rule(text) for text in inputs.container.host_config["DeviceCgroupRules"] or ()]
    return [*DEFAULT_RULES, *inputs.device_rules, *asked]


def _seccomp(inputs: Inputs, options: security.SecurityOptions) -> Json | None:
    if inputs.container.host_config["Privileged"] or options.seccomp == "unconfined":
        return None
    if not inputs.host.seccomp:
        return None
    builtin = options.seccomp in ("", "builtin")
    profile = seccomp.default_profile() if builtin else seccomp.parse_profile(options.seccomp)
    return seccomp.to_oci(profile, capability_names(inputs), machine=inputs.host.machine, kernel=inputs.host.kernel)
