"""BUNDLE/exit.json: how the first process ended, on disk before anyone is told, so that the truth outlives the shim.

{"pid": 4711, "exit_status": 3, "exited_at": 1764000000000000000}
"""

import json

from shim.paths import read_text, write_atomically


def write_exit(path: str, pid: int, status: int, at: int) -> None:
    """Record an exit durably; `at` in nanoseconds since the epoch."""
    document = {"pid": pid, "exit_status": status, "exited_at": at}
    write_atomically(path, json.dumps(document).encode(), 0o600, durable=True)


def read_exit(path: str) -> tuple[int, int, int] | None:
    """(pid, status, time) as recorded, None without a whole record."""
    text = read_text(path)
    if text is None:
        return None
    try:
        document = json.loads(text)
        return int(document["pid"]), int(document["exit_status"]), int(document["exited_at"])
    except (ValueError, KeyError, TypeError):
        return None
