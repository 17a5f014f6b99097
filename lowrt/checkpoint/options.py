"""What the command line asks of a checkpoint or a restore, and how much of it reaches criu as it is."""

import os

from lowrt.argv import Option
from lowrt.checkpoint import messages
from lowrt.errors import InvalidArgument, describe, naming
from lowrt.linux.constants import CLONE_NEWNET

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lowrt.argv import Values

    Json = dict[str, Any]

# Networks are somebody else's work, as with runc: criu makes an empty namespace, or finds one that is joined by path.
_ALWAYS_EMPTY = CLONE_NEWNET
_EMPTY_NAMESPACES = {"network": CLONE_NEWNET}

_LOG_LEVEL = 4  # everything: the log is what tells why a dump failed
_DEFAULT_CONFIG = "/etc/criu/runc.conf"
_CONFIG_ANNOTATION = "org.criu.config"

# Flags of both verbs that are criu's own, by their name in its RPC.
_SHARED = {
    "ext-unix-sk": "ext_unix_sk",
    "tcp-established": "tcp_established",
    "shell-job": "shell_job",
    "file-locks": "file_locks",
    "auto-dedup": "auto_dedup",
    "lazy-pages": "lazy_pages",
}
_DUMP_ONLY = {
    "leave-running": "leave_running",
    "tcp-skip-in-flight": "tcp_skip_in_flight",
    "link-remap": "link_remap",
}
_RESTORE_ONLY = {"lsm-profile": "lsm_profile", "lsm-mount-context": "lsm_mount_context"}

SHARED_OPTIONS = (
    Option("image-path", "text", "path for saving criu image files, or to those to restore; default: ./checkpoint"),
    Option("work-path", "text", "path for saving work files and logs; default: the image path"),
    Option("tcp-established", "bool", "allow open tcp connections"),
    Option("ext-unix-sk", "bool", "allow external unix sockets"),
    Option("shell-job", "bool", "allow shell jobs"),
    Option("file-locks", "bool", "handle file locks, for safety"),
    Option("manage-cgroups-mode", "text", "cgroups mode: soft|full|strict|ignore (default: soft)"),
    Option("empty-ns", "texts", "create a namespace, but don't restore its properties"),
    Option("auto-dedup", "bool", "enable auto deduplication of memory images"),
    Option("lazy-pages", "bool", "use userfaultfd to lazily restore memory pages"),
)


class Options:
    """One checkpoint's or restore's wishes; the paths are absolute, as the caller of the command meant them."""

    __slots__ = ("flags", "image", "parent", "pre_dump", "status_fd", "work")

    def __init__(self, image: str, work: str, flags: "Json") -> None:
        self.image = image
        self.work = work
        self.flags = flags  # criu's options, as its RPC names them
        self.parent = ""  # relative to the image
        self.pre_dump = False
        self.status_fd = -1

    @property
    def leave_running(self) -> bool:
        return bool(self.flags.get("leave_running"))

    @property
    def lazy(self) -> bool:
        return bool(self.flags.get("lazy_pages"))


def checkpoint_options(values: "Values") -> Options:
    """Of `checkpoint`."""
    options = _options(values)
    options.flags |= {theirs: values.flag(name) for name, theirs in _DUMP_ONLY.items()}
    options.parent = _parent(options.image, values.text("parent-path"))
    options.pre_dump = values.flag("pre-dump")
    options.status_fd = values.number("status-fd")
    if values.text("page-server"):
        options.flags["ps"] = _page_server(values.text("page-server"))
    if options.parent:
        options.flags |= {"parent_img": options.parent, "track_mem": True}
    return options


def restore_options(values: "Values") -> Options:
    """Of `restore`."""
    options = _options(values)
    options.flags |= {theirs: values.text(name) for name, theirs in _RESTORE_ONLY.items() if values.text(name)}
    return options


def _options(values: "Values") -> Options:
    image = os.path.abspath(values.text("image-path") or "checkpoint")
    work = values.text("work-path")
    flags: Json = {theirs: values.flag(name) for name, theirs in _SHARED.items()}
    flags["empty_ns"] = _empty_namespaces(values.texts("empty-ns"))
    flags["manage_cgroups"] = True  # what criu read before there were modes
    flags["manage_cgroups_mode"] = _cgroup_mode(values.text("manage-cgroups-mode"))
    return Options(image, os.path.abspath(work) if work else "", flags)


def _cgroup_mode(word: str) -> int:
    try:
        return messages.CGROUP_MODES[word]
    except KeyError:
        raise InvalidArgument("invalid manage-cgroups-mode value") from None


def _empty_namespaces(words: list[str]) -> int:
    mask = _ALWAYS_EMPTY
    for word in words:
        if word not in _EMPTY_NAMESPACES:
            raise InvalidArgument(f'namespace "{word}" is not supported')
        mask |= _EMPTY_NAMESPACES[word]
    return mask


def _page_server(text: str) -> "Json":
    address, separator, port = text.rpartition(":")
    address = address.removeprefix("[").removesuffix("]")
    if not separator or not address or not port:
        raise InvalidArgument("Use --page-server ADDRESS:PORT to specify page server")
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 1 << 16):
        raise InvalidArgument("Invalid port number")
    return {"address": address, "port": int(port)}


def _parent(image: str, parent: str) -> str:
    if not parent:
        return ""
    if os.path.isabs(parent):
        raise InvalidArgument("--parent-path must be relative")
    try:
        os.scandir(os.path.normpath(os.path.join(image, parent))).close()
    except OSError as error:
        raise InvalidArgument(f"invalid --parent-path: {describe(naming('stat', error))}") from error
    return parent


def common_request(options: Options, image_fd: int, log_file: str, annotations: dict[str, str]) -> "Json":
    """What criu is told in either direction."""
    request: Json = {
        "images_dir_fd": image_fd,
        "log_level": _LOG_LEVEL,
        "log_file": log_file,
        "notify_scripts": True,
        "orphan_pts_master": True,
        **options.flags,
    }
    # A file that criu reads itself and that overrules us: the container's own, the usual one, or for "" none.
    config = annotations.get(_CONFIG_ANNOTATION, _DEFAULT_CONFIG)
    if config:
        request["config_file"] = config
    return request
