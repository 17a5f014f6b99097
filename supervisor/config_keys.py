"""Which keys of a containerd configuration file mean something here, and which are refused or left to others.

    KEYS       keys with an effect
    NEUTRAL    keys that containerd has and this daemon has not: only the value that asks for nothing is accepted
    elsewhere  `[plugins."…"]` of a plugin this daemon does not have: passed over, and named in the log, exactly as
               containerd passes over the tables of plugins that are not built into it

Everything else is an error naming key and file. One file can so serve both daemons.
"""

from collections.abc import Mapping

KEYS: Mapping[str, type] = {
    "version": int,
    "root": str,
    "state": str,
    "temp": str,
    "oom_score": int,
    "imports": list,
    "disabled_plugins": list,
    "required_plugins": list,
    "debug.level": str,
    "debug.format": str,
    "debug.address": str,
    "debug.uid": int,
    "debug.gid": int,
    "grpc.address": str,
    "grpc.uid": int,
    "grpc.gid": int,
    "grpc.max_recv_message_size": int,
    "grpc.max_send_message_size": int,
    "metrics.address": str,
    "ttrpc.address": str,
    "ttrpc.uid": int,
    "ttrpc.gid": int,
}

NEUTRAL: Mapping[str, tuple[object, ...]] = {
    "plugin_dir": ("",),
    "cgroup.path": ("",),
    "grpc.tcp_address": ("",),
    "grpc.tcp_tls_ca": ("",),
    "grpc.tcp_tls_cert": ("",),
    "grpc.tcp_tls_key": ("",),
    "grpc.tcp_tls_common_name": ("",),
    "debug.log_trace_id": (False,),
    "metrics.grpc_histogram": (False,),
}

PASSED_OVER = frozenset({"proxy_plugins", "stream_processors"})

GC = "io.containerd.gc.v1.scheduler"
SHIMS = "io.containerd.shim.v1.manager"
TASK_RUNTIME = "io.containerd.runtime.v2.task"
OVERLAY = "io.containerd.snapshotter.v1.overlayfs"
NATIVE = "io.containerd.snapshotter.v1.native"
TRANSFER = "io.containerd.transfer.v1.local"

PLUGIN_KEYS: Mapping[str, Mapping[str, type]] = {
    GC: {
        "pause_threshold": float,
        "deletion_threshold": int,
        "mutation_threshold": int,
        "schedule_delay": str,
        "startup_delay": str,
    },
    SHIMS: {"env": list},
    TASK_RUNTIME: {"sched_core": bool},
    OVERLAY: {"root_path": str, "mount_options": list, "upperdir_label": bool},
    NATIVE: {"root_path": str},
    TRANSFER: {
        "max_concurrent_downloads": int,
        "max_concurrent_unpacks": int,
        "max_concurrent_uploaded_layers": int,
        "config_path": str,
    },
    # version 4 moved the sockets here
    "io.containerd.server.v1.grpc": {
        "address": str,
        "uid": int,
        "gid": int,
        "max_recv_message_size": int,
        "max_send_message_size": int,
    },
    "io.containerd.server.v1.metrics": {"address": str},
    "io.containerd.server.v1.ttrpc": {"address": str, "uid": int, "gid": int},
    "io.containerd.server.v1.debug": {"address": str, "uid": int, "gid": int},
}

PLUGIN_NEUTRAL: Mapping[str, Mapping[str, tuple[object, ...]]] = {
    SHIMS: {"socket_dir": ("", "/run/containerd/s")},
    TASK_RUNTIME: {"platforms": (["linux/amd64"], ["linux/arm64"], [])},
    OVERLAY: {
        "sync_remove": (False,),
        "slow_chown": (False,),
    },
    TRANSFER: {
        "concurrent_layer_fetch_buffer": (0,),
        "check_platform_supported": (False,),
    },
    "io.containerd.metrics.v1.grpc-prometheus": {"grpc_histogram": (False,)},
    "io.containerd.metadata.v1.bolt": {"content_sharing_policy": ("shared",), "no_sync": (False,)},
    "io.containerd.service.v1.tasks-service": {"rdt_config_file": ("",), "blockio_config_file": ("",)},
    "io.containerd.service.v1.diff-service": {"default": (["walking"],), "sync_fs": (False,)},
}

SERVER_TABLES = {
    "io.containerd.server.v1.grpc": "grpc",
    "io.containerd.server.v1.ttrpc": "ttrpc",
    "io.containerd.server.v1.debug": "debug",
    "io.containerd.server.v1.metrics": "metrics",
}

TIMEOUTS: Mapping[str, str] = {
    "io.containerd.timeout.shim.load": "load",
    "io.containerd.timeout.shim.cleanup": "cleanup",
    "io.containerd.timeout.shim.shutdown": "shutdown",
    "io.containerd.timeout.task.state": "state",
}
TIMEOUTS_ELSEWHERE = frozenset(
    {
        "io.containerd.timeout.bolt.open",
        "io.containerd.timeout.cri.defercleanup",
        "io.containerd.timeout.metrics.shimstats",
    }
)
