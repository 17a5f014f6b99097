"""The OCI runtime's command line, as runc has it: argv as a pure function of what is asked."""

from collections.abc import Sequence


class RuntimeSettings:
    """Which runtime, and the global flags that every call gets."""

    __slots__ = ("binary", "root", "systemd_cgroup")

    def __init__(self, binary: str, root: str, systemd_cgroup: bool = False) -> None:
        self.binary = binary
        self.root = root  # namespace included
        self.systemd_cgroup = systemd_cgroup

    def command(self, log: str, *words: str) -> list[str]:
        """The whole argv, program first."""
        flags = ["--root", self.root, "--log", log, "--log-format", "json"]
        if self.systemd_cgroup:
            flags.append("--systemd-cgroup")
        return [self.binary, *flags, *words]


def create(
    container_id: str,
    bundle: str,
    pid_file: str,
    *,
    console_socket: str | None = None,
    no_pivot: bool = False,
    no_new_keyring: bool = False,
) -> list[str]:
    """`create`: the container's namespaces and its first process, waiting for `start`."""
    words = ["create", "--bundle", bundle, "--pid-file", pid_file]
    words += ["--console-socket", console_socket] if console_socket else []
    words += ["--no-pivot"] if no_pivot else []
    words += ["--no-new-keyring"] if no_new_keyring else []
    return [*words, container_id]


def exec_(container_id: str, process: str, pid_file: str, *, console_socket: str | None = None) -> list[str]:
    """`exec`: one more process, left running."""
    words = ["exec", "--process", process]
    words += ["--console-socket", console_socket] if console_socket else []
    return [*words, "--detach", "--pid-file", pid_file, container_id]


def kill(container_id: str, signal: int, *, everyone: bool = False) -> list[str]:
    """`kill`, of the first process or of every process of the container."""
    return ["kill", *(["--all"] if everyone else []), container_id, str(signal)]


def delete(container_id: str, *, force: bool = False) -> list[str]:
    """`delete`."""
    return ["delete", *(["--force"] if force else []), container_id]


def ps(container_id: str) -> list[str]:
    """`ps`, as a JSON list of pids."""
    return ["ps", "--format", "json", container_id]


def update(container_id: str) -> list[str]:
    """`update`, the resources as JSON on stdin."""
    return ["update", "--resources", "-", container_id]


def checkpoint(
    container_id: str,
    image: str,
    work: str,
    *,
    leave_running: bool,
    flags: Sequence[str] = (),
    empty_namespaces: Sequence[str] = (),
    parent: str = "",
) -> list[str]:
    """`checkpoint`; `flags` are bare words such as `--tcp-established`."""
    words = ["checkpoint", "--image-path", image, "--work-path", work]
    words += ["--parent-path", parent] if parent else []
    words += ["--leave-running"] if leave_running else []
    words += [word for name in empty_namespaces for word in ("--empty-ns", name)]
    return [*words, *flags, container_id]


def restore(
    container_id: str,
    bundle: str,
    pid_file: str,
    *,
    image: str,
    work: str,
    parent: str = "",
    no_pivot: bool = False,
    console_socket: str | None = None,
) -> list[str]:
    """`restore` from a checkpoint's image, left running."""
    words = ["restore", "--image-path", image, "--work-path", work]
    words += ["--parent-path", parent] if parent else []
    words += ["--no-pivot"] if no_pivot else []
    words += ["--console-socket", console_socket] if console_socket else []
    return [*words, "--detach", "--no-subreaper", "--pid-file", pid_file, "--bundle", bundle, container_id]
