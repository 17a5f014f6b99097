"""Bundles with busybox in them, run by lowrt or by another runtime, for tests of what a container finds around it."""

import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
LOWRT = [sys.executable, "-IS", str(ROOT / "lowrt")]
APPLETS = (
    "sh",
    "cat",
    "echo",
    "ls",
    "stat",
    "mount",
    "umount",
    "sleep",
    "true",
    "mkdir",
    "touch",
    "dd",
    "head",
    "wc",
    "grep",
)
NAMESPACES = ("pid", "network", "ipc", "uts", "mount")

MOUNTS: list[dict[str, Any]] = [
    {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]},
    {
        "destination": "/dev",
        "type": "tmpfs",
        "source": "tmpfs",
        "options": ["nosuid", "strictatime", "mode=755", "size=65536k"],
    },
    {
        "destination": "/dev/pts",
        "type": "devpts",
        "source": "devpts",
        "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
    },
    {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
]


class Bundle:
    """A bundle directory, its configuration as a dict to change, and a cgroup of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rootfs = path / "rootfs"
        self.cgroup = f"/wherry-test-{uuid.uuid4().hex[:12]}"
        self._make_rootfs()
        self.config: dict[str, Any] = {
            "ociVersion": "1.0.2",
            "root": {"path": "rootfs"},
            "process": {
                "user": {"uid": 0, "gid": 0},
                "args": ["true"],
                "env": ["PATH=/bin"],
                "cwd": "/",
                "capabilities": {
                    kind: ["CAP_KILL", "CAP_SYS_ADMIN", "CAP_CHOWN", "CAP_MKNOD", "CAP_DAC_OVERRIDE", "CAP_SYS_CHROOT"]
                    for kind in ("bounding", "effective", "permitted")
                },
            },
            "hostname": "box",
            "mounts": [dict(mount) for mount in MOUNTS],
            "linux": {
                "cgroupsPath": self.cgroup,
                "namespaces": [{"type": kind} for kind in NAMESPACES],
                "resources": {"devices": [{"allow": False, "access": "rwm"}]},
            },
        }

    def _make_rootfs(self) -> None:
        for name in ("bin", "proc", "sys", "dev", "etc", "tmp"):
            (self.rootfs / name).mkdir(parents=True)
        shutil.copy("/bin/busybox", self.rootfs / "bin" / "busybox")
        for name in APPLETS:
            (self.rootfs / "bin" / name).symlink_to("busybox")

    @property
    def linux(self) -> dict[str, Any]:
        return self.config["linux"]  # type: ignore[no-any-return]

    def mount(self, destination: str, source: str, fstype: str, *options: str, **more: Any) -> None:
        self.config["mounts"].append(
            {"destination": destination, "source": source, "type": fstype, "options": list(options), **more}
        )

    def shell(self, script: str) -> None:
        self.config["process"]["args"] = ["sh", "-c", script]

    def save(self) -> None:
        (self.path / "config.json").write_text(json.dumps(self.config))

    def run(self, runtime: list[str] | None = None, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """`run` to its end, with a state root of its own, nothing left behind."""
        self.save()
        command = [*(runtime or LOWRT), "--root", str(self.path / "state")]
        name = self.cgroup.strip("/").replace("/", "-")
        try:
            return subprocess.run(
                [*command, "run", "--bundle", str(self.path), name],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=timeout,
                check=False,
            )
        finally:
            subprocess.run([*command, "delete", "--force", name], capture_output=True, check=False)

    def output(self, script: str, runtime: list[str] | None = None) -> str:
        """What a shell script prints inside; it must succeed."""
        self.shell(script)
        done = self.run(runtime)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def error(self) -> str:
        """The runtime's complaint; there must be one."""
        done = self.run()
        assert done.returncode != 0, done.stdout
        return done.stderr.replace('\\"', '"')  # the log quotes the message

    @contextmanager
    def running(self, runtime: list[str] | None = None) -> Iterator["Running"]:
        """A container that sleeps."""
        self.shell("sleep 1000")
        self.save()
        command = [*(runtime or LOWRT), "--root", str(self.path / "state")]
        container = Running(command, self.cgroup.strip("/"))
        try:
            container.call("create", "--bundle", str(self.path), container.name)
            container.call("start", container.name)
            yield container
        finally:
            subprocess.run([*command, "delete", "--force", container.name], capture_output=True, check=False)


class Running:
    """A container that runs."""

    def __init__(self, command: list[str], name: str) -> None:
        self.command = command
        self.name = name

    def call(self, *arguments: str) -> str:
        # Its standard streams live on in the container: a pipe would never end.
        quiet = arguments[0] == "create"
        done = subprocess.run(
            [*self.command, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if quiet else subprocess.PIPE,
            stderr=subprocess.DEVNULL if quiet else subprocess.PIPE,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout or ""

    @property
    def pid(self) -> int:
        return int(json.loads(self.call("state", self.name))["pid"])


def cgroup_folders(cgroup: str) -> dict[str, Path]:
    """The cgroup's folder in each hierarchy; under the empty name on pure v2."""
    top = Path("/sys/fs/cgroup")
    if (top / "cgroup.controllers").exists():
        found = {"": top / cgroup.strip("/")}
    else:
        found = {path.name: path / cgroup.strip("/") for path in sorted(top.iterdir()) if not path.is_symlink()}
    return {name: path for name, path in found.items() if path.is_dir()}


def cgroup_files(cgroup: str) -> dict[str, str]:
    """Every readable file of a cgroup in every hierarchy: controller/file → text."""
    found = {}
    for name, folder in cgroup_folders(cgroup).items():
        for file in sorted(folder.iterdir()):
            if file.is_file() and os.access(file, os.R_OK):
                try:
                    found[f"{name}/{file.name}"] = file.read_text()
                except OSError:
                    continue
    return found
