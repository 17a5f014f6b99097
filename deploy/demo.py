"""The demonstration: one container through all four layers, on private paths, and nothing left behind.

Run it with `sudo make demo`. It starts a supervisor and an engine of its own, gets an image (from a registry where one
is within reach, else made on the spot from the host's static busybox and loaded as any image is), runs it, runs it
again with runc in lowrt's place, times the same small job at the door of each layer, and stops everything.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.demo_stack import Stack, leftovers
from deploy.demo_timing import print_timings
from tests.images import busybox_archive

REGISTRY = ("registry-1.docker.io", 443)


def say(text: str) -> None:
    """A heading."""
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n== {text}", flush=True)


def show(stack: Stack, *words: str, expect: int = 0) -> str:
    """Run a wherry command, print it with its output and exit code; raises SystemExit when it ends otherwise."""
    print("$ wherry " + " ".join(words), flush=True)
    done = stack.wherry(*words)
    for line in (done.stdout + done.stderr).splitlines():
        print(f"  {line}")
    print(f"  (exit code {done.returncode})", flush=True)
    if done.returncode != expect:
        raise SystemExit(f"demo: expected exit code {expect}\n{stack.last_words()}")
    return done.stdout


def registry_within_reach() -> bool:
    """Whether Docker Hub answers a connection."""
    try:
        socket.create_connection(REGISTRY, timeout=3).close()
    except OSError:
        return False
    return True


def get_image(stack: Stack, folder: Path) -> str:
    """An image's name: pulled where a registry answers, else made and loaded."""
    if registry_within_reach():
        show(stack, "pull", "alpine")
        return "alpine"
    print("no registry within reach: making an image from the host's static busybox")
    archive = busybox_archive(folder / "busybox.tar")
    show(stack, "load", "-i", str(archive))
    return "busybox"


def walk(stack: Stack, folder: Path) -> None:
    """What a user would do."""
    say("An image")
    image = get_image(stack, folder)
    show(stack, "images")
    say("A container, through engine, supervisor, shim and lowrt")
    show(stack, "run", "--name", "first", image, "echo", "hello from a container")
    show(stack, "run", "--rm", image, "sh", "-c", "echo this one fails; exit 3", expect=3)
    show(stack, "ps", "-a")
    show(stack, "logs", "first")
    say("The same once more, with runc in lowrt's place")
    show(stack, "run", "--name", "second", "--runtime", "runc", image, "echo", "hello from runc")
    show(stack, "inspect", "-f", "{{.Name}}: runtime {{.HostConfig.Runtime}}, exit code {{.State.ExitCode}}", "second")
    say("A service in the background: exec, stop")
    show(stack, "run", "-d", "--name", "third", image, "sleep", "1000")
    show(stack, "exec", "third", "ps")
    show(stack, "stop", "-t", "1", "third")
    show(stack, "rm", "first", "second", "third")
    say("How long each layer takes for the same job: create, start, wait and remove a container that runs `true`")
    print_timings(stack, image, folder)


@contextmanager
def private_folder() -> Iterator[Path]:
    """A short path for sockets, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="wherry-demo-", dir="/run"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """Walk through, clean up, and say what, if anything, stayed."""
    if os.geteuid() != 0:
        sys.exit("containers need root here: sudo make demo")
    before = leftovers()
    with private_folder() as folder:
        say(f"Supervisor and engine, on private paths below {folder}")
        with Stack(folder) as stack:
            show(stack, "version")
            walk(stack, folder)
        say("Stopped; what is left behind")
    left = leftovers() - before
    for name in sorted(left):
        print(f"  left behind: {name}")
    if left:
        sys.exit(1)
    print("  nothing: no process, mount, cgroup, network namespace, link or firewall table")


if __name__ == "__main__":
    try:
        main()
    except subprocess.TimeoutExpired as error:
        sys.exit(f"demo: {error}")
