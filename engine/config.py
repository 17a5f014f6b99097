"""The engine's settings: dockerd's command line and daemon.json, parsed once into a frozen dataclass.

One table names every setting; a flag or key outside of it is refused by name, and so is one that dockerd has and
this engine has not built. A setting given both as a flag and in the file is refused, as dockerd does. Only this
module reads the environment.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from proto.errdefs import InvalidArgument

DEFAULT_CONFIG_FILE = "/etc/wherry/daemon.json"


@dataclass(frozen=True)
class Config:
    """What the daemon was told; the defaults stand here."""

    hosts: tuple[str, ...] = ()
    group: str = "docker"
    data_root: str = "/var/lib/wherry"
    exec_root: str = "/run/wherry"
    pidfile: str = "/run/wherry/wherryd.pid"
    config_file: str = DEFAULT_CONFIG_FILE
    debug: bool = False
    log_level: str = "info"
    containerd: str = ""
    containerd_namespace: str = "moby"
    storage_driver: str = "overlayfs"
    # tcp
    tls: bool = False
    tlsverify: bool = False
    tlscacert: str = ""
    tlscert: str = ""
    tlskey: str = ""
    # runtimes and containers
    default_runtime: str = "wherry"
    runtimes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    cgroup_parent: str = ""
    exec_opts: tuple[str, ...] = ()
    default_ulimits: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    default_shm_size: int = 64 << 20
    default_ipc_mode: str = "private"
    default_cgroupns_mode: str = ""
    no_new_privileges: bool = False
    oom_score_adjust: int = 0
    init: bool = False
    init_path: str = ""
    log_driver: str = "json-file"
    log_opts: Mapping[str, str] = field(default_factory=dict)
    live_restore: bool = True
    shutdown_timeout: int = 15
    metrics_addr: str = ""
    experimental: bool = False  # checkpoints
    selinux_enabled: bool = False
    userns_remap: str = ""  # whose subordinate ids the containers get
    cdi_spec_dirs: tuple[str, ...] = ("/etc/cdi", "/var/run/cdi")
    labels: tuple[str, ...] = ()
    # networks
    bridge: str = ""
    bip: str = ""
    fixed_cidr: str = ""
    ipv6: bool = False
    fixed_cidr_v6: str = ""
    default_gateway: str = ""
    default_address_pools: tuple[Mapping[str, Any], ...] = ()
    mtu: int = 0
    icc: bool = True
    ip: str = "0.0.0.0"
    publish_loopback: bool = False  # ports without an address are there for this host alone
    publish_allow: tuple[str, ...] = ()  # [ADDRESS:]PORTS[/PROTOCOL]: nothing else is published
    iptables: bool = True
    ip_forward: bool = True
    ip_masq: bool = True
    dns: tuple[str, ...] = ()
    dns_opts: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    # registries
    insecure_registries: tuple[str, ...] = ()
    registry_mirrors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its field, its kind, its flag's names, and the file's key where that differs."""

    name: str
    kind: str  # bool, str, int, size, list, options, ulimits, runtimes, pools
    flag: str
    short: str = ""
    key: str = ""


def _setting(flag: str, kind: str, *, name: str = "", short: str = "", key: str = "") -> Setting:
    return Setting(name or flag.replace("-", "_"), kind, flag, short, key or flag)


SETTINGS = (
    _setting("host", "list", name="hosts", short="H", key="hosts"),
    _setting("group", "str", short="G"),
    _setting("data-root", "str"),
    _setting("exec-root", "str"),
    _setting("pidfile", "str", short="p"),
    _setting("config-file", "str"),
    _setting("debug", "bool", short="D"),
    _setting("log-level", "str", short="l"),
    _setting("containerd", "str"),
    _setting("containerd-namespace", "str"),
    _setting("storage-driver", "str", short="s"),
    _setting("tls", "bool"),
    _setting("tlsverify", "bool"),
    _setting("tlscacert", "str"),
    _setting("tlscert", "str"),
    _setting("tlskey", "str"),
    _setting("default-runtime", "str"),
    _setting("add-runtime", "runtimes", name="runtimes", key="runtimes"),
    _setting("cgroup-parent", "str"),
    _setting("exec-opt", "list", name="exec_opts", key="exec-opts"),
    _setting("default-ulimit", "ulimits", name="default_ulimits", key="default-ulimits"),
    _setting("default-shm-size", "size"),
    _setting("default-ipc-mode", "str"),
    _setting("default-cgroupns-mode", "str"),
    _setting("no-new-privileges", "bool"),
    _setting("oom-score-adjust", "int"),
    _setting("init", "bool"),
    _setting("init-path", "str"),
    _setting("log-driver", "str"),
    _setting("log-opt", "options", name="log_opts", key="log-opts"),
    _setting("live-restore", "bool"),
    _setting("shutdown-timeout", "int"),
    _setting("metrics-addr", "str"),
    _setting("experimental", "bool"),
    _setting("selinux-enabled", "bool"),
    _setting("userns-remap", "str"),
    _setting("cdi-spec-dir", "list", name="cdi_spec_dirs", key="cdi-spec-dirs"),
    _setting("label", "list", name="labels", key="labels"),
    _setting("bridge", "str", short="b"),
    _setting("bip", "str"),
    _setting("fixed-cidr", "str"),
    _setting("ipv6", "bool"),
    _setting("fixed-cidr-v6", "str"),
    _setting("default-gateway", "str"),
    _setting("default-address-pool", "pools", name="default_address_pools", key="default-address-pools"),
    _setting("mtu", "int"),
    _setting("icc", "bool"),
    _setting("ip", "str"),
    _setting("publish-loopback", "bool"),
    _setting("publish-allow", "list"),
    _setting("iptables", "bool"),
    _setting("ip-forward", "bool"),
    _setting("ip-masq", "bool"),
    _setting("dns", "list"),
    _setting("dns-opt", "list", name="dns_opts", key="dns-opts"),
    _setting("dns-search", "list"),
    _setting("insecure-registry", "list", name="insecure_registries", key="insecure-registries"),
    _setting("registry-mirror", "list", name="registry_mirrors", key="registry-mirrors"),
)

# dockerd has these; here they are refused by name rather than accepted and ignored.
_UNBUILT_WORDS = """
    add-registry allow-direct-routing allow-nondistributable-artifacts api-cors-header authorization-plugin bip6
    bridge-accept-fwmark builder cluster-advertise cluster-store containerd-plugins-namespace
    cpu-rt-period cpu-rt-runtime cri-containerd data-root-uid default-gateway-v6 default-network-opt
    dns-result-order features firewall-backend graph host-gateway-ip http-proxy
    https-proxy ip6tables log-format max-concurrent-downloads max-concurrent-uploads max-download-attempts
    min-api-version network-control-plane-mtu network-diagnostic-port no-proxy
    node-generic-resource node-generic-resources proxies raw-logs rootless seccomp-profile
    storage-opt storage-opts swarm-default-advertise-addr userland-proxy userland-proxy-path
    validate
"""
UNBUILT = frozenset(_UNBUILT_WORDS.split())

# Of these, "off" is what this engine is: false is taken, true refused.
OFF = frozenset({"ip6tables", "ipv6", "raw-logs", "rootless", "userland-proxy"})

_BY_FLAG = {setting.flag: setting for setting in SETTINGS}
_BY_SHORT = {setting.short: setting for setting in SETTINGS if setting.short}
_BY_KEY = {setting.key: setting for setting in SETTINGS}
_TRUE = {"1", "t", "T", "true", "TRUE", "True"}
_FALSE = {"0", "f", "F", "false", "FALSE", "False"}
_UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def load(argv: Sequence[str]) -> Config:
    """The configuration that a command line and its file make together."""
    flags = parse_flags(argv)
    path = str(flags.get("config_file", DEFAULT_CONFIG_FILE))
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except FileNotFoundError:
        if "config_file" in flags:
            raise InvalidArgument(f"unable to configure the Docker daemon with file {path}: no such file") from None
        text = ""
    settings = parse_file(text, path) if text.strip() else {}
    both = sorted(set(flags) & set(settings))
    if both:
        described = ", ".join(f"{name}: (from flag: {flags[name]}, from file: {settings[name]})" for name in both)
        raise InvalidArgument(
            f"unable to configure the Docker daemon with file {path}: the following directives are specified both "
            f"as a flag and in the configuration file: {described}"
        )
    return check(replace(Config(), **settings, **flags))


def check(config: Config) -> Config:
    """Refuse values that cannot work, before anything is started."""
    if config.log_level not in ("debug", "info", "warn", "error", "fatal"):
        raise InvalidArgument(f'unable to configure logging: not a valid logrus Level: "{config.log_level}"')
    if config.default_ipc_mode not in ("private", "shareable"):
        raise InvalidArgument(f"IPC mode is not supported as default: {config.default_ipc_mode}")
    if config.default_cgroupns_mode not in ("", "private", "host"):
        raise InvalidArgument(f"invalid default cgroup namespace ({config.default_cgroupns_mode}): use private or host")
    # dockerd refuses the two together always, since it makes no bridge but docker0; here --bip is the address of -b's.
    if config.bridge == "none" and config.bip:
        raise InvalidArgument("You specified -b & --bip, mutually exclusive options. Please specify only one")
    for option in config.exec_opts:
        if option != "native.cgroupdriver=cgroupfs":
            raise InvalidArgument(f"invalid --exec-opt: {option} (only native.cgroupdriver=cgroupfs is built)")
    if config.storage_driver == "overlay2":  # dockerd's name of the same
        config = replace(config, storage_driver="overlayfs")
    if not config.hosts:
        return replace(config, hosts=("unix:///run/wherry/docker.sock",))
    return config


def parse_flags(argv: Sequence[str]) -> dict[str, Any]:
    """pflag's grammar: --name=value, --name value, -n value, -nvalue, bare booleans."""
    values: dict[str, Any] = {}
    for setting, text in _flags(argv):
        _add(values, setting, text)
    return values


def _flags(argv: Sequence[str]) -> Iterator[tuple[Setting, str]]:
    rest = list(argv)
    while rest:
        word = rest.pop(0)
        if word.startswith("--") and len(word) > 2:
            name, equals, text = word[2:].partition("=")
            setting = _BY_FLAG.get(name)
            if name in OFF and equals and text in _FALSE:
                continue
            if setting is None:
                raise InvalidArgument(
                    f"flag --{name} is not built into wherryd" if name in UNBUILT else f"unknown flag: --{name}"
                )
            shown = f"--{name}"
        elif word.startswith("-") and len(word) > 1:
            setting = _BY_SHORT.get(word[1])
            if setting is None:
                raise InvalidArgument(f"unknown shorthand flag: '{word[1]}' in {word}")
            text, equals = word[2:].removeprefix("="), word[2:3]
            shown = f"'{word[1]}' in {word}"
        else:
            raise InvalidArgument(f'unknown command: "wherryd {word}"')
        if not equals and setting.kind == "bool":
            text = "true"
        elif not equals:
            if not rest:
                raise InvalidArgument(f"flag needs an argument: {shown}")
            text = rest.pop(0)
        yield setting, text


def _add(values: dict[str, Any], setting: Setting, text: str) -> None:
    match setting.kind:
        case "list":
            values[setting.name] = (*values.get(setting.name, ()), text)
        case "options" | "runtimes" | "ulimits":
            key, equals, value = text.partition("=")
            if not equals:
                raise InvalidArgument(f"invalid argument {json.dumps(text)} for --{setting.flag}: want name=value")
            shaped: Any = value
            if setting.kind == "runtimes":
                shaped = {"runtimeType": value} if value.startswith("io.containerd.") else {"path": value}
            elif setting.kind == "ulimits":
                shaped = ulimit(key, value)
            values[setting.name] = {**values.get(setting.name, {}), key: shaped}
        case "pools":
            pool = dict(part.split("=", 1) for part in text.split(",") if "=" in part)
            shaped_pool = {"base": pool.get("base", ""), "size": _integer(pool.get("size", ""), setting)}
            values[setting.name] = (*values.get(setting.name, ()), shaped_pool)
        case "bool":
            values[setting.name] = _boolean(text, setting)
        case "int":
            values[setting.name] = _integer(text, setting)
        case "size":
            values[setting.name] = size(text)
        case _:
            values[setting.name] = text


def _boolean(text: str, setting: Setting) -> bool:
    if text not in _TRUE | _FALSE:
        raise InvalidArgument(
            f'invalid argument "{text}" for "--{setting.flag}" flag: '
            f'strconv.ParseBool: parsing "{text}": invalid syntax'
        )
    return text in _TRUE


def _integer(text: str, setting: Setting) -> int:
    try:
        return int(text)
    except ValueError:
        raise InvalidArgument(
            f'invalid argument "{text}" for "--{setting.flag}" flag: strconv.ParseInt: parsing "{text}": invalid syntax'
        ) from None


def ulimit(name: str, text: str) -> dict[str, Any]:
    """One --default-ulimit: soft[:hard]."""
    soft, colon, hard = text.partition(":")
    try:
        return {"Name": name, "Soft": int(soft), "Hard": int(hard) if colon else int(soft)}
    except ValueError:
        raise InvalidArgument(f"invalid ulimit argument: {name}={text}") from None


def size(text: str) -> int:
    """A number of bytes with an optional unit (64m, 1g)."""
    lower = text.strip().lower().removesuffix("ib")
    if lower[-1:] == "b" and lower[-2:-1].isalpha():
        lower = lower[:-1]
    number, unit = (lower[:-1], lower[-1]) if lower[-1:].isalpha() else (lower, "")
    try:
        return int(float(number) * _UNITS[unit])
    except (KeyError, ValueError):
        raise InvalidArgument(f"invalid size: '{text}'") from None


def parse_file(text: str, path: str) -> dict[str, Any]:
    """daemon.json → settings by field name."""
    where = f"unable to configure the Docker daemon with file {path}"
    try:
        document: Any = json.loads(text)
    except ValueError as error:
        raise InvalidArgument(f"{where}: {error}") from None
    if not isinstance(document, dict):
        raise InvalidArgument(f"{where}: not an object")
    document = {key: value for key, value in document.items() if not (key in OFF and value is False)}
    unknown = sorted(key for key in document if key not in _BY_KEY)
    if unknown:
        raise InvalidArgument(
            f"{where}: the following directives don't match any configuration option: {', '.join(unknown)}"
        )
    return {_BY_KEY[key].name: _from_file(_BY_KEY[key], value, where) for key, value in document.items()}


_FILE_TYPES: dict[str, type | tuple[type, ...]] = {
    "bool": bool,
    "int": int,
    "str": str,
    "size": (str, int),
    "list": list,
    "pools": list,
    "options": dict,
    "ulimits": dict,
    "runtimes": dict,
}


def _from_file(setting: Setting, given: Any, where: str) -> Any:
    value: Any = given
    if not isinstance(given, _FILE_TYPES[setting.kind]) or (setting.kind == "int" and isinstance(value, bool)):
        raise InvalidArgument(f"{where}: {setting.key} must be a {setting.kind}, not {json.dumps(value)}")
    match setting.kind:
        case "list" | "pools":
            return tuple(value)
        case "size":
            return size(str(value))
        case "options":
            return {name: str(option) for name, option in value.items()}
        case _:
            return value


def environment(name: str, default: str = "") -> str:
    """A variable of the process's environment."""
    return os.environ.get(name, default)


assert {setting.name for setting in SETTINGS} == {entry.name for entry in fields(Config)}
