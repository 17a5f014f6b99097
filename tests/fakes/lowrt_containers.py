"""Containers that are only on record: a root folder, a state file, and perhaps a process that stands for init."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lowrt.argv import Grammar, Values, parse
from lowrt.cli import GLOBAL, Context
from lowrt.container import state_file
from lowrt.container.container import Container
from lowrt.linux import process
from lowrt.log import Log
from lowrt.paths import StateDir

Json = dict[str, Any]


class ListLog(Log):
    """Keeps its lines."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[tuple[str, str]] = []

    def write(self, level: str, message: str, code: str = "") -> None:
        self.lines.append((level, message))


class FakeCgroup:
    """A cgroup that is what it is told to be, and records what it is asked."""

    def __init__(self, *, frozen: bool = False, present: bool = True, pids: list[int] | None = None) -> None:
        self.frozen, self.present, self.members = frozen, present, pids or []
        self.calls: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments, **options: self.calls.append((name, *arguments, *options.items()))

    def completed(self, resources: Json) -> Json:
        return resources

    def is_frozen(self) -> bool:
        return self.frozen

    def exists(self) -> bool:
        return self.present

    def all_pids(self) -> list[int]:
        return self.members


class Stage:
    """A root with containers on record."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "root"
        self.log = ListLog()

    def context(self) -> Context:
        options, _ = parse(GLOBAL, ["--root", str(self.root), "--rootless", "false"])
        return Context(self.log, options, "lowrt", frozenset())

    def record(self, name: str = "c1", *, pid: int = 0, created: bool = False, **changes: Any) -> Container:
        """Write a container down; `created` leaves the fifo in place, which is what makes it created."""
        state_dir = StateDir(str(self.root), name)
        Path(state_dir.path).mkdir(parents=True)
        Path(state_dir.lock).touch()
        document = {
            "id": name,
            "bundle": "/bundle",
            "rootfs": "/bundle/rootfs",
            "created": "2026-01-02T03:04:05.6Z",
            "owner": 0,
            "annotations": {},
            "private_pids": True,
            "new_keyring": True,
            "init": {"pid": pid, "start_time": process.stat(pid)[1] if pid else 0},
            "cgroup": {"driver": "v1", "paths": {"devices": str(self.folder / "cgroup" / name)}, "rootless": False},
        } | changes
        state_file.save(state_dir, document)
        Path(state_dir.config).write_text(json.dumps(CONFIG))
        if created:
            Path(state_dir.exec_fifo).touch()
        return Container(state_dir, state_file.load(state_dir))

    def adopt(self, container: Container, cgroup: FakeCgroup) -> Container:
        """Let the container have that cgroup."""
        from lowrt.spec.load import parse_spec

        container.adopt(cgroup, parse_spec(json.dumps(CONFIG).encode(), "/bundle"))  # type: ignore[arg-type]
        return container


CONFIG: Json = {
    "ociVersion": "1.0.2",
    "process": {
        "args": ["sh"],
        "cwd": "/",
        "env": ["PATH=/bin"],
        "user": {"uid": 1, "gid": 2, "additionalGids": [3]},
        "capabilities": {"bounding": ["CAP_KILL"], "effective": ["CAP_KILL"], "permitted": ["CAP_KILL"]},
        "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 1, "hard": 2}],
    },
    "root": {"path": "rootfs"},
    "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}, {"type": "network"}]},
}


@contextmanager
def living_process() -> Iterator[int]:
    """A process that does nothing, ended afterwards."""
    with subprocess.Popen(["sleep", "60"]) as child:
        try:
            yield child.pid
        finally:
            child.kill()


def values(grammar: Grammar, *words: str) -> tuple[Values, list[str]]:
    """What the command line would make of the words."""
    return parse(grammar, list(words))
