"""The messages of criu's RPC: names, numbers and types of the fields that lowrt writes or reads.

`criu swrk` takes a request per packet and answers with one; while it works it sends notifications, each of which waits
for an answer. Names and numbers are those of criu's interface, https://criu.org/RPC.
"""

from lowrt.checkpoint.protobuf import BOOLEAN, NUMBER, TEXT, Field, decode, encode
from lowrt.errors import Fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Json = dict[str, Any]

# criu_req_type
DUMP, RESTORE, PRE_DUMP, NOTIFY, FEATURE_CHECK, VERSION = 1, 2, 4, 6, 9, 10
TYPE_NAMES = {
    0: "EMPTY",
    DUMP: "DUMP",
    RESTORE: "RESTORE",
    3: "CHECK",
    PRE_DUMP: "PRE_DUMP",
    5: "PAGE_SERVER",
    NOTIFY: "NOTIFY",
    7: "CPUINFO_DUMP",
    8: "CPUINFO_CHECK",
    FEATURE_CHECK: "FEATURE_CHECK",
    VERSION: "VERSION",
    11: "WAIT_PID",
    12: "PAGE_SERVER_CHLD",
    13: "SINGLE_PRE_DUMP",
}

# criu_cg_mode, by the words of --manage-cgroups-mode
CGROUP_MODES = {"ignore": 0, "soft": 3, "full": 4, "strict": 5, "": 6}

_PAGE_SERVER = {"address": Field(1, TEXT), "port": Field(2, NUMBER)}
_EXTERNAL_MOUNT = {"key": Field(1, TEXT), "val": Field(2, TEXT)}
_JOIN_NAMESPACE = {"ns": Field(1, TEXT), "ns_file": Field(2, TEXT)}
_INHERIT_FD = {"key": Field(1, TEXT), "fd": Field(2, NUMBER)}
_CGROUP_ROOT = {"ctrl": Field(1, TEXT), "path": Field(2, TEXT)}

OPTIONS = {
    "images_dir_fd": Field(1, NUMBER),
    "pid": Field(2, NUMBER),
    "leave_running": Field(3, BOOLEAN),
    "ext_unix_sk": Field(4, BOOLEAN),
    "tcp_established": Field(5, BOOLEAN),
    "evasive_devices": Field(6, BOOLEAN),
    "shell_job": Field(7, BOOLEAN),
    "file_locks": Field(8, BOOLEAN),
    "log_level": Field(9, NUMBER),
    "log_file": Field(10, TEXT),
    "ps": Field(11, _PAGE_SERVER),
    "notify_scripts": Field(12, BOOLEAN),
    "root": Field(13, TEXT),
    "parent_img": Field(14, TEXT),
    "track_mem": Field(15, BOOLEAN),
    "auto_dedup": Field(16, BOOLEAN),
    "work_dir_fd": Field(17, NUMBER),
    "link_remap": Field(18, BOOLEAN),
    "ext_mnt": Field(23, _EXTERNAL_MOUNT, repeated=True),
    "manage_cgroups": Field(24, BOOLEAN),
    "cg_root": Field(25, _CGROUP_ROOT, repeated=True),
    "rst_sibling": Field(26, BOOLEAN),
    "inherit_fd": Field(27, _INHERIT_FD, repeated=True),
    "manage_cgroups_mode": Field(34, NUMBER),
    "external": Field(37, TEXT, repeated=True),
    "empty_ns": Field(38, NUMBER),
    "join_ns": Field(39, _JOIN_NAMESPACE, repeated=True),
    "freeze_cgroup": Field(44, TEXT),
    "tcp_skip_in_flight": Field(46, BOOLEAN),
    "lazy_pages": Field(48, BOOLEAN),
    "status_fd": Field(49, NUMBER),
    "orphan_pts_master": Field(50, BOOLEAN),
    "config_file": Field(51, TEXT),
    "lsm_profile": Field(53, TEXT),
    "lsm_mount_context": Field(63, TEXT),
}

FEATURES = {"mem_track": Field(1, BOOLEAN), "lazy_pages": Field(2, BOOLEAN)}

REQUEST = {
    "type": Field(1, NUMBER),
    "opts": Field(2, OPTIONS),
    "notify_success": Field(3, BOOLEAN),
    "keep_open": Field(4, BOOLEAN),
    "features": Field(5, FEATURES),
}

_NOTIFICATION = {"script": Field(1, TEXT), "pid": Field(2, NUMBER)}
_VERSION = {
    "major_number": Field(1, NUMBER),
    "minor_number": Field(2, NUMBER),
    "gitid": Field(3, TEXT),
    "sublevel": Field(4, NUMBER),
}

RESPONSE = {
    "type": Field(1, NUMBER),
    "success": Field(2, BOOLEAN),
    "restore": Field(4, {"pid": Field(1, NUMBER)}),
    "notify": Field(5, _NOTIFICATION),
    "cr_errno": Field(7, NUMBER),
    "features": Field(8, FEATURES),
    "version": Field(10, _VERSION),
}


def request(kind: int, **fields: "Any") -> bytes:
    """A request's packet."""
    return encode(REQUEST, {"type": kind, **fields})


def response(packet: bytes) -> "Json":
    """What criu answered; a Fault when it is no answer at all."""
    message = decode(RESPONSE, packet)
    if "type" not in message or "success" not in message:
        raise Fault("unable to parse the response of criu")
    return message


def version_number(version: "Json") -> int:
    """criu's version as one number: 3.15.1 is 31501. One built from git counts as the minor version to come."""
    major, minor = int(version.get("major_number", 0)), int(version.get("minor_number", 0))
    if version.get("gitid"):
        return major * 10000 + (minor + 1) * 100
    return major * 10000 + minor * 100 + int(version.get("sublevel", 0))
