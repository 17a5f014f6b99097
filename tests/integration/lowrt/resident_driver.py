"""A parent that lives on, as a warm shim does: execs by `lowrt.resident`, one for each document on stdin.

stdin: {"root", "id", "sharing", "documents": […]}.
stdout: {"execs": [{"status", "out", "error", "code", "shared"}], "before", "after"}.
"""

import json
import os
import select
import signal
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from lowrt.resident import Exec, Execs, Refused

Json = dict[str, Any]


def main() -> None:
    """Do them all."""
    given = json.load(sys.stdin)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    execs = Execs()
    execs.able = True  # this test's interpreter may be an ordinary file
    execs.sharing = given["sharing"]
    execute(execs, given, given["documents"][0])  # what stays open, is from now on
    before = own_state()
    done = [execute(execs, given, document) for document in given["documents"]]
    json.dump({"execs": done, "before": before, "after": own_state()}, sys.stdout)


def own_state() -> Json:
    """What must be as it was."""
    status = Path("/proc/self/status").read_text().splitlines()
    return {
        "fds": len(os.listdir("/proc/self/fd")),
        "namespaces": {name: os.readlink(f"/proc/self/ns/{name}") for name in sorted(os.listdir("/proc/self/ns"))},
        "signals": [
            line for line in status if line.startswith(("SigB", "SigI", "SigC", "Seccomp", "Cap", "Uid", "Groups"))
        ],
        "cgroup": Path("/proc/self/cgroup").read_text(),
        "cwd": os.getcwd(),
    }


def execute(execs: Execs, given: Json, document: Json) -> Json:
    """One, to its end."""
    reading, writing = os.pipe2(os.O_CLOEXEC)
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    result: Json = {"status": None, "out": "", "error": "", "code": "", "shared": False}
    exec_: Exec | None = None
    try:
        exec_ = execs.begin(given["root"], given["id"], json.dumps(document).encode(), (null, writing, writing), "")
        assert exec_ is not None
        exec_.release()
        while not exec_.advance():
            select.select([exec_], [], [])
    except Refused as refused:
        result.update(error=str(refused), code=refused.code)
    finally:
        os.close(writing)
        os.close(null)
        if exec_ is not None:
            exec_.close()
            result["shared"] = any(known.planned[1] and known.planned[1].table for known in execs._known.values())
            result["status"] = os.waitstatus_to_exitcode(os.waitpid(exec_.pid, 0)[1])
        with open(reading, "rb") as file:
            result["out"] = file.read().decode()
    return result


if __name__ == "__main__":
    main()
