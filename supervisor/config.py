"""The configuration: containerd's TOML file (versions 2 to 4) as frozen dataclasses.

The classes show the defaults. Files named by `imports` are merged over the file that names them; command-line flags
come last (`cli.py`). See `config_keys.py` for what happens to keys without effect.
"""

import glob
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from supervisor import config_keys as keys
from supervisor.durations import parse_duration
from supervisor.metadata.scheduler import SchedulerConfig
from supervisor.paths import DEFAULT_ADDRESS, DEFAULT_ROOT, DEFAULT_STATE
from supervisor.runtime.cleanup import Timeouts

VERSIONS = (2, 3, 4)
LOG_LEVELS = ("trace", "debug", "info", "warn", "error", "fatal", "panic")
LOG_FORMATS = ("text", "json")
MAX_MESSAGE = 16 << 20


class ConfigError(Exception):
    """The file is wrong; the message names key and file."""


@dataclass(frozen=True, slots=True)
class Socket:
    """A unix socket that is served; an empty address means none."""

    address: str = ""
    uid: int = 0
    gid: int = 0


@dataclass(frozen=True, slots=True)
class Config:
    """Everything the daemon is told."""

    root: str = DEFAULT_ROOT
    state: str = DEFAULT_STATE
    temp: str = ""  # where temporary files go; empty: where the system has them
    oom_score: int = 0
    grpc: Socket = Socket(DEFAULT_ADDRESS)
    ttrpc: Socket = Socket()  # empty: the gRPC address with `.ttrpc`
    debug: Socket = Socket()
    max_receive: int = MAX_MESSAGE  # bytes of one message of the API
    max_send: int = MAX_MESSAGE
    metrics_address: str = ""  # host:port of the Prometheus page; empty: none
    log_level: str = "info"
    log_format: str = "text"
    gc: SchedulerConfig = field(default_factory=SchedulerConfig)
    timeouts: Timeouts = field(default_factory=Timeouts)
    shim_environment: tuple[str, ...] = ()
    snapshot_roots: Mapping[str, str] = field(default_factory=dict)
    max_concurrent_downloads: int = 3
    max_concurrent_unpacks: int = 3
    max_concurrent_uploads: int = 3
    overlay_options: tuple[str, ...] = ()
    overlay_upperdir_label: bool = False
    hosts_folder: str = ""
    disabled_plugins: tuple[str, ...] = ()
    required_plugins: tuple[str, ...] = ()
    passed_over: tuple[str, ...] = ()  # tables without effect, to be named in the log

    @property
    def ttrpc_socket(self) -> Socket:
        """The events socket; beside the gRPC one, with its owner, unless told otherwise."""
        if self.ttrpc.address:
            return self.ttrpc
        return Socket(self.grpc.address + ".ttrpc", self.ttrpc.uid or self.grpc.uid, self.ttrpc.gid or self.grpc.gid)


def load(path: str) -> Config:
    """Read a file and what it imports."""
    settings: dict[str, Any] = {}
    passed_over: set[str] = set()
    for name, document in _documents(path):
        for key, value in _flatten(name, document, passed_over):
            settings[key] = value
    return _build(settings, tuple(sorted(passed_over)))


def _documents(path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The file, then what it imports, in order; each file once."""
    seen: set[str] = set()
    queue = [os.path.abspath(path)]
    while queue:
        name = queue.pop(0)
        if name in seen:
            continue
        seen.add(name)
        document = _parse(name)
        yield name, document
        for pattern in document.get("imports", []):
            full = os.path.join(os.path.dirname(name), pattern)
            queue.extend(sorted(glob.glob(full)) if any(c in full for c in "*?[") else [full])


def _parse(path: str) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            document = tomllib.load(file)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error
    version = document.get("version", 2)
    if version not in VERSIONS:
        raise ConfigError(f"{path}: version: expected one of {', '.join(map(str, VERSIONS))}, got {version}")
    return document


def _flatten(path: str, document: dict[str, Any], passed_over: set[str]) -> Iterator[tuple[str, Any]]:
    """The document's settings as dotted keys, every one of them known and of its type."""
    for name, value in document.items():
        if name in keys.PASSED_OVER:
            passed_over.update(f"{name}.{table}" for table in value)
        elif name == "plugins":
            yield from _flatten_plugins(path, value, passed_over)
        elif name == "timeouts":
            yield from _flatten_timeouts(path, value)
        elif isinstance(value, dict):
            for key, inner in value.items():
                yield from _checked(path, f"{name}.{key}", inner, keys.KEYS, keys.NEUTRAL)
        else:
            yield from _checked(path, name, value, keys.KEYS, keys.NEUTRAL)


def _checked(
    path: str, key: str, value: object, known: Mapping[str, type], neutral: Mapping[str, tuple[object, ...]]
) -> Iterator[tuple[str, Any]]:
    kind = known.get(key)
    if kind is None:
        if key not in neutral:
            raise ConfigError(f"{path}: unknown key {key}")
        if value not in neutral[key]:
            raise ConfigError(f"{path}: {key}: not supported by this daemon (value {value!r})")
        return
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ConfigError(f"{path}: {key}: expected {kind.__name__}, got {value!r}")
    yield key, value


def _flatten_plugins(path: str, tables: dict[str, Any], passed_over: set[str]) -> Iterator[tuple[str, Any]]:
    for plugin, table in tables.items():
        known = keys.PLUGIN_KEYS.get(plugin, {})
        neutral = keys.PLUGIN_NEUTRAL.get(plugin, {})
        if not known and not neutral:
            passed_over.add(f"plugins.{plugin}")
            continue
        prefix = keys.SERVER_TABLES.get(plugin, plugin)
        for key, value in table.items():
            if plugin == keys.TRANSFER and key == "unpack_config":
                continue  # which snapshotter unpacks is the client's choice, or overlayfs, as in containerd's default
            for name, checked in _checked(path, key, value, known, neutral):
                yield f"{prefix}.{name}", checked


def _flatten_timeouts(path: str, table: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if name in keys.TIMEOUTS_ELSEWHERE:
            continue
        if name not in keys.TIMEOUTS:
            raise ConfigError(f"{path}: unknown key timeouts.{name}")
        yield f"timeouts.{keys.TIMEOUTS[name]}", _seconds(path, f"timeouts.{name}", value)


def _seconds(path: str, key: str, value: object) -> float:
    try:
        return parse_duration(str(value))
    except ValueError as error:
        raise ConfigError(f"{path}: {key}: {error}") from error


def _build(found: dict[str, Any], passed_over: tuple[str, ...]) -> Config:
    default = Config()
    environment = list(found.get(f"{keys.SHIMS}.env", []))
    if found.get(f"{keys.TASK_RUNTIME}.sched_core"):
        environment.append("SCHED_CORE=1")
    roots = {name: found.get(f"io.containerd.snapshotter.v1.{name}.root_path", "") for name in ("overlayfs", "native")}
    return check(
        replace(
            default,
            root=found.get("root", default.root),
            state=found.get("state", default.state),
            temp=found.get("temp", ""),
            oom_score=found.get("oom_score", 0),
            grpc=_socket(found, "grpc", default.grpc),
            ttrpc=_socket(found, "ttrpc", default.ttrpc),
            debug=_socket(found, "debug", default.debug),
            max_receive=found.get("grpc.max_recv_message_size") or default.max_receive,
            max_send=found.get("grpc.max_send_message_size") or default.max_send,
            metrics_address=found.get("metrics.address", ""),
            log_level=found.get("debug.level") or default.log_level,
            log_format=found.get("debug.format") or default.log_format,
            gc=_schedule(found, default.gc),
            timeouts=replace(default.timeouts, **_below(found, "timeouts")),
            shim_environment=tuple(environment),
            snapshot_roots={name: path for name, path in roots.items() if path},
            max_concurrent_downloads=found.get(f"{keys.TRANSFER}.max_concurrent_downloads", 3),
            max_concurrent_unpacks=found.get(f"{keys.TRANSFER}.max_concurrent_unpacks", 3),
            max_concurrent_uploads=found.get(f"{keys.TRANSFER}.max_concurrent_uploaded_layers", 3),
            overlay_options=tuple(found.get(f"{keys.OVERLAY}.mount_options", ())),
            overlay_upperdir_label=found.get(f"{keys.OVERLAY}.upperdir_label", False),
            hosts_folder=found.get(f"{keys.TRANSFER}.config_path", ""),
            disabled_plugins=tuple(found.get("disabled_plugins", ())),
            required_plugins=tuple(found.get("required_plugins", ())),
            passed_over=passed_over,
        )
    )


def _below(found: dict[str, Any], table: str) -> dict[str, Any]:
    prefix = table + "."
    return {key.removeprefix(prefix): value for key, value in found.items() if key.startswith(prefix)}


def _socket(found: dict[str, Any], table: str, default: Socket) -> Socket:
    address = found.get(f"{table}.address") or default.address
    return Socket(address, found.get(f"{table}.uid", default.uid), found.get(f"{table}.gid", default.gid))


def _schedule(found: dict[str, Any], default: SchedulerConfig) -> SchedulerConfig:
    table = _below(found, keys.GC)
    for name in ("schedule_delay", "startup_delay"):
        if name in table:
            table[name] = _seconds("config", f"{keys.GC}.{name}", table[name])
    return replace(default, **table)


def check(config: Config) -> Config:
    """Refuse values that no part of the daemon could work with."""
    if config.log_level not in LOG_LEVELS:
        raise ConfigError(f"log level {config.log_level!r}: expected one of {', '.join(LOG_LEVELS)}")
    if config.log_format not in LOG_FORMATS:
        raise ConfigError(f"log format {config.log_format!r}: expected one of {', '.join(LOG_FORMATS)}")
    for name in (*config.disabled_plugins, *config.required_plugins):
        if "." not in name:
            raise ConfigError(f'invalid plugin URI "{name}" expect io.containerd.x.vx')
    if min(config.max_receive, config.max_send) <= 0:
        raise ConfigError("grpc message sizes must be positive")
    if config.metrics_address and not config.metrics_address.rpartition(":")[2].isdigit():
        raise ConfigError(f"metrics address {config.metrics_address!r}: expected host:port")
    if not all(isinstance(option, str) and "," not in option for option in config.overlay_options):
        raise ConfigError(f"mount_options: expected words without commas, got {list(config.overlay_options)}")
    if not config.grpc.address:
        raise ConfigError("grpc address cannot be empty")
    return config
