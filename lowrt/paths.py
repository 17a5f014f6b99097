"""Where lowrt keeps a container's state; nobody else joins a file name.

<root>/<id>/               0700, removed last
  lock                     held while a verb changes the container
  state.json               ours; see container/state_file.py
  config.json              the bundle's configuration as it was at create; exec and poststop hooks go by it
  exec.fifo                there from create to start
  notify/notify.sock       where somebody waits for the container to be ready
<root>/@seccomp/           compiled filters, shared by all
"""

import os

DEFAULT_ROOT = "/run/lowrt"


def default_root() -> str:
    """The root that `--root` replaces: of the system, or of a user who is root at most in his own namespace."""
    runtime_dir = os.environ.get("XDG_RUNTIME_DIR")
    if runtime_dir and (os.geteuid() != 0 or (os.environ.get("USER") != "root" and in_user_namespace())):
        return os.path.join(runtime_dir, "lowrt")
    return DEFAULT_ROOT


def in_user_namespace() -> bool:
    """Whether ids are mapped other than one to one, as only the initial user namespace has them."""
    with open("/proc/self/uid_map", encoding="utf-8") as file:
        return file.readline().split() != ["0", "0", "4294967295"]


def seccomp_cache(root: str) -> str:
    """Compiled filters by content; the sign keeps the name out of the ids' grammar."""
    return os.path.join(root, "@seccomp")


class StateDir:
    """One container's directory."""

    __slots__ = ("path",)

    def __init__(self, root: str, container_id: str) -> None:
        self.path = os.path.join(root, container_id)

    @property
    def lock(self) -> str:
        return self.path + "/lock"

    @property
    def state(self) -> str:
        return self.path + "/state.json"

    @property
    def config(self) -> str:
        return self.path + "/config.json"

    @property
    def notify(self) -> str:
        return self.path + "/notify"

    @property
    def exec_fifo(self) -> str:
        return self.path + "/exec.fifo"
