"""A warm parent, as the shim is one: everything imported and frozen, each command line runs in a fork of it.

But for `exec`, of which the shim forks the container's process itself.

One JSON list of words a line on stdin; the exit status comes back as a line. Started without `site`, as the zygote is.
"""

import gc
import importlib
import json
import os
import pkgutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import lowrt
from lowrt.cli import main as lowrt_main
from lowrt.resident import Execs


def main() -> None:
    """Serve until stdin ends."""
    for module in pkgutil.walk_packages(lowrt.__path__, "lowrt."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    os.environ["_LOWRT_SEALED"] = "1"  # the zygote is, once and for all its forks
    gc.collect()
    gc.freeze()
    execs = Execs()
    execs.able = True
    for line in sys.stdin.buffer:
        words = json.loads(line)
        pid = _execute(execs, words) if words[2] == "exec" else os.fork()
        if pid == 0:
            _run(words)
        status = os.waitpid(pid, 0)[1]
        os.write(1, b"%d\n" % os.waitstatus_to_exitcode(status))


def _execute(execs: Execs, words: list[str]) -> int:
    """`--root ROOT exec NAME …`: the process of the container's configuration with other arguments; its pid."""
    root, name, arguments = words[1], words[3], words[4:]
    process = json.loads((Path(root) / name / "config.json").read_text())["process"]
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    exec_ = execs.begin(root, name, json.dumps({**process, "args": arguments}).encode(), (null, null, 2), "")
    os.close(null)
    assert exec_ is not None
    exec_.release()
    while not exec_.advance():
        continue
    exec_.close()
    return exec_.pid


def _run(words: list[str]) -> None:
    status = 1
    try:
        null = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1):
            os.dup2(null, fd)
        status = lowrt_main(words)
    finally:
        os._exit(status)


if __name__ == "__main__":
    main()
