"""The same small job entered at the door of each layer, so that the differences are what each layer adds."""

import http.client
import json
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from deploy.demo_stack import BIN, Stack

ROUNDS = 10
BUSYBOX = Path("/bin/busybox")


class _Engine(http.client.HTTPConnection):
    """HTTP over the engine's unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self._path))


def print_timings(stack: Stack, image: str, folder: Path) -> None:
    """A table of medians; lowrt cold and runc cold on the same bundle for comparison."""
    rows = [("lowrt run (cold process)", _runtime([str(BIN / "lowrt")], folder))]
    if runc := shutil.which("runc"):
        rows.append(("runc run (cold process)", _runtime([runc], folder)))
    rows.append(("engine's API (engine, supervisor, shim, lowrt warm)", _api(stack, image)))
    rows.append(("wherry run --rm (all of it, and the command line)", _command_line(stack, image)))
    for label, act in rows:
        act()  # once for caches
        print(f"  {label:<54}{_median(act) * 1000:8.1f} ms", flush=True)


def _median(act: Callable[[], None]) -> float:
    taken = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        act()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def _runtime(program: list[str], folder: Path) -> Callable[[], None]:
    bundle = folder / f"bundle-{Path(program[0]).name}"
    (bundle / "rootfs" / "bin").mkdir(parents=True)
    shutil.copy(BUSYBOX, bundle / "rootfs" / "bin" / "busybox")
    root = ["--root", str(folder / f"state-{Path(program[0]).name}")]
    subprocess.run([*program, *root, "spec"], cwd=bundle, check=True)
    config = json.loads((bundle / "config.json").read_text())
    config["process"].update(args=["/bin/busybox", "true"], terminal=False)
    (bundle / "config.json").write_text(json.dumps(config))
    command = [*program, *root, "run", "--bundle", str(bundle), "wherry-demo"]

    def job() -> None:
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)

    return job


def _api(stack: Stack, image: str) -> Callable[[], None]:
    connection = _Engine(stack.engine_socket)

    def call(method: str, path: str, body: object = None) -> bytes:
        content = None if body is None else json.dumps(body)
        connection.request(method, f"/v1.43{path}", content, {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer = response.read()
        if response.status >= 400:
            sys.exit(f"demo: {method} {path}: {answer.decode(errors='replace')}")
        return answer

    def job() -> None:
        made = json.loads(call("POST", "/containers/create", {"Image": image, "Cmd": ["true"]}))["Id"]
        call("POST", f"/containers/{made}/start")
        call("POST", f"/containers/{made}/wait")
        call("DELETE", f"/containers/{made}")

    return job


def _command_line(stack: Stack, image: str) -> Callable[[], None]:
    def job() -> None:
        done = stack.wherry("run", "--rm", image, "true")
        if done.returncode != 0:
            sys.exit(f"demo: {done.stderr}")

    return job
