"""A configuration as the TOML text that would give it; what `config default` and `config dump` print."""

import json

from supervisor import config_keys as keys
from supervisor.config import Config
from supervisor.durations import format_duration

VERSION = 3


def render(config: Config) -> str:
    """TOML, version 3, every key that has an effect."""
    tables: dict[str, dict[str, object]] = {
        "": {
            "version": VERSION,
            "root": config.root,
            "state": config.state,
            "temp": config.temp,
            "oom_score": config.oom_score,
            "disabled_plugins": list(config.disabled_plugins),
            "required_plugins": list(config.required_plugins),
            "imports": [],
        },
        "grpc": {
            "address": config.grpc.address,
            "uid": config.grpc.uid,
            "gid": config.grpc.gid,
            "max_recv_message_size": config.max_receive,
            "max_send_message_size": config.max_send,
        },
        "ttrpc": {"address": config.ttrpc.address, "uid": config.ttrpc.uid, "gid": config.ttrpc.gid},
        "debug": {
            "address": config.debug.address,
            "uid": config.debug.uid,
            "gid": config.debug.gid,
            "level": config.log_level,
            "format": config.log_format,
        },
        "metrics": {"address": config.metrics_address},
        "timeouts": {
            name: format_duration(getattr(config.timeouts, field)) for name, field in sorted(keys.TIMEOUTS.items())
        },
        **_plugin_tables(config),
    }
    return "\n".join(_table(name, table) for name, table in tables.items())


def _plugin_tables(config: Config) -> dict[str, dict[str, object]]:
    plugins: dict[str, dict[str, object]] = {
        keys.GC: {
            "pause_threshold": config.gc.pause_threshold,
            "deletion_threshold": config.gc.deletion_threshold,
            "mutation_threshold": config.gc.mutation_threshold,
            "schedule_delay": format_duration(config.gc.schedule_delay),
            "startup_delay": format_duration(config.gc.startup_delay),
        },
        keys.SHIMS: {"env": list(config.shim_environment)},
        keys.OVERLAY: {
            "root_path": config.snapshot_roots.get("overlayfs", ""),
            "mount_options": list(config.overlay_options),
            "upperdir_label": config.overlay_upperdir_label,
        },
        keys.NATIVE: {"root_path": config.snapshot_roots.get("native", "")},
        keys.TRANSFER: {
            "max_concurrent_downloads": config.max_concurrent_downloads,
            "max_concurrent_unpacks": config.max_concurrent_unpacks,
            "max_concurrent_uploaded_layers": config.max_concurrent_uploads,
            "config_path": config.hosts_folder,
        },
    }
    return {f'plugins."{name}"': table for name, table in plugins.items()}


def _table(name: str, table: dict[str, object]) -> str:
    lines = [f"[{name}]"] if name else []
    for key, value in table.items():
        quoted = key if all(c.isalnum() or c in "_-" for c in key) else json.dumps(key)
        lines.append(f"{quoted} = {json.dumps(value, ensure_ascii=False)}")
    return "\n".join(lines) + "\n"
