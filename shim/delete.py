"""`delete`: clean up after a shim that is dead, and say how its container ended. No asyncio, no protobuf."""

import os
import sys
import time

from proto.failpoints import reached
from shim import rootfs, wire
from shim.args import Arguments
from shim.exit_record import read_exit
from shim.options import read_options
from shim.paths import Bundle, read_pid, read_text, sibling, socket_path
from shim.runtime_argv import RuntimeSettings
from shim.runtime_argv import delete as delete_words
from shim.spawn import find_runtime, spawn
from shim.start import answers, group_of

_KILLED = 128 + 9


def main(arguments: Arguments) -> int:
    """Delete what is left, print DeleteResponse; warnings on stderr."""
    bundle = Bundle(arguments.bundle) if arguments.bundle else sibling(os.getcwd(), arguments.id)
    reached("cleanup.asked")
    _delete_container(bundle, arguments)
    reached("cleanup.deleted")
    try:
        rootfs.unmount_all(bundle.rootfs)
    except OSError as error:
        _warn(f"failed to cleanup rootfs mount: {error}")
    reached("cleanup.unmounted")
    _remove_socket(bundle, arguments)
    pid, status, at = read_exit(bundle.exit_record) or (read_pid(bundle.init_pid), _KILLED, time.time_ns())
    sys.stdout.buffer.write(response(pid, status, at))
    sys.stdout.buffer.flush()
    return 0


def response(pid: int, status: int, at: int) -> bytes:
    """containerd.task.v2.DeleteResponse."""
    return wire.number_field(1, pid) + wire.number_field(2, status) + wire.bytes_field(3, wire.timestamp(at))


def _delete_container(bundle: Bundle, arguments: Arguments) -> None:
    options = read_options(bundle.options)
    if not os.path.exists(os.path.join(options.runtime_root(arguments.namespace), arguments.id)):
        return  # the shim has deleted it before it ended, as it does after every ordinary Delete
    runtime = find_runtime(options.binary_name or (read_text(bundle.runtime) or "").strip())
    settings = RuntimeSettings(runtime, options.runtime_root(arguments.namespace), options.systemd_cgroup)
    argv = settings.command(bundle.runtime_log, *delete_words(arguments.id, force=True))
    null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
    try:
        environment = {name: value for name, value in os.environ.items() if name != "NOTIFY_SOCKET"}
        pid = spawn(argv, (null, null, null), environment)
        _, raw = os.waitpid(pid, 0)
        if raw != 0:
            _warn(f"failed to remove the container: {runtime}: status {os.waitstatus_to_exitcode(raw)}")
    except OSError as error:
        _warn(f"failed to remove the container: {runtime}: {error.strerror}")
    finally:
        os.close(null)


def _remove_socket(bundle: Bundle, arguments: Arguments) -> None:
    """A killed shim has left its socket; that of a group's living one is answered, and stays."""
    recorded = (read_text(bundle.address) or "").strip().removeprefix("unix://")
    try:
        path = recorded or socket_path(arguments.address, arguments.namespace, group_of(bundle, arguments.id))
        if os.path.exists(path) and not answers(path):
            os.unlink(path)
    except OSError as error:
        _warn(f"failed to remove the socket: {error}")


def _warn(text: str) -> None:
    sys.stderr.write(f'level=warning msg="{text}"\n')
