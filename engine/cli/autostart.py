"""Start the daemon when nobody answers at the default address: by systemd where there is one, else in the background.

Nothing is polled: systemd's `start` returns when the socket listens, and a daemon we start ourselves says READY on a
notify socket, as sd_notify(3) describes.
"""

import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import click

from engine.cli.errors import CommandFailed

_LOG = Path("/var/log/wherryd.log")
_SECONDS = 30.0
_SOCKET_UNIT = "wherryd.socket"


def start_daemon(address: str) -> None:
    """Start engine and supervisor; raises CommandFailed with the log's last words when they do not come up."""
    if os.geteuid() != 0:
        raise CommandFailed(f"Cannot connect to the wherry daemon at {address}, and only root can start one. Try sudo.")
    if _systemd_has_us():
        click.echo(f"wherry: no daemon at {address}: starting {_SOCKET_UNIT}", err=True)
        subprocess.run(["systemctl", "start", _SOCKET_UNIT], check=True)
        return
    click.echo(f"wherry: no daemon at {address}: starting one in the background (log: {_LOG})", err=True)
    _start_in_background()


def _systemd_has_us() -> bool:
    if not Path("/run/systemd/system").is_dir() or shutil.which("systemctl") is None:
        return False
    return subprocess.run(["systemctl", "cat", _SOCKET_UNIT], capture_output=True, check=False).returncode == 0


def _start_in_background() -> None:
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        path = f"{folder}/notify"
        notify.bind(path)
        with _LOG.open("ab") as log:
            daemon = subprocess.Popen(
                [*_wherryd()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
                env={**os.environ, "NOTIFY_SOCKET": path},
            )
        _await_ready(notify, daemon.pid)


def _await_ready(notify: socket.socket, pid: int) -> None:
    exited = os.pidfd_open(pid)
    try:
        while True:
            readable, _, _ = select.select([notify.fileno(), exited], [], [], _SECONDS)
            if notify.fileno() in readable and b"READY=1" in notify.recv(4096).splitlines():
                return
            if exited in readable or not readable:
                raise CommandFailed(f"the daemon did not start; its log, {_LOG}, ends with:\n{_last_words()}")
    finally:
        os.close(exited)


def _wherryd() -> list[str]:
    beside = Path(sys.argv[0]).resolve().with_name("wherryd")
    return [str(beside)] if beside.exists() else [sys.executable, "-m", "engine"]


def _last_words() -> str:
    return "\n".join(_LOG.read_text(errors="replace").splitlines()[-5:])
