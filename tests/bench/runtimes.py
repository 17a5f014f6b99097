"""OCI runtimes on one bundle: `run true`, and create + start + delete as an engine does it."""

import json
import os
import select
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.bench.measure import in_turn, print_table

ROOT = Path(__file__).resolve().parents[2]
LOWRT = [str(Path(sys.executable)), "-IS", str(ROOT / "lowrt")]


def contenders() -> dict[str, list[str]]:
    """The runtimes here, as command lines."""
    found = {"lowrt": LOWRT}
    for name in ("runc", "crun"):
        if path := shutil.which(name):
            found[name] = [path]
    return found


def make_bundle(folder: Path) -> Path:
    """busybox with runc's default spec."""
    bundle = folder / "bundle"
    (bundle / "rootfs" / "bin").mkdir(parents=True)
    shutil.copy("/bin/busybox", bundle / "rootfs" / "bin" / "true")
    for name in ("proc", "sys", "dev"):
        (bundle / "rootfs" / name).mkdir()
    subprocess.run([*LOWRT, "spec"], cwd=bundle, check=True)
    config = json.loads((bundle / "config.json").read_text())
    config["ociVersion"] = "1.0.2"  # Debian's crun refuses newer ones
    config["process"].update(args=["/bin/true"], terminal=False)
    (bundle / "config.json").write_text(json.dumps(config))
    return bundle


def run(folder: Path, rounds: int) -> None:
    """Time and print."""
    bundle = make_bundle(folder)
    rows = {}
    for title, make in (("run true", _run), ("create + start + delete", _lifecycle)):
        jobs = {name: make(command, folder / f"state-{name}", bundle) for name, command in contenders().items()}
        rows[title] = in_turn(jobs, rounds)
    print_table("OCI runtimes, cold, own network namespace", rows, ours="lowrt")


def _run(command: list[str], state: Path, bundle: Path) -> Callable[[], None]:
    words = [*command, "--root", str(state), "run", "--bundle", str(bundle), f"wherry-bench-{state.name}"]

    def job() -> None:
        subprocess.run(words, check=True, stdin=subprocess.DEVNULL)

    return job


def _lifecycle(command: list[str], state: Path, bundle: Path) -> Callable[[], None]:
    name = f"wherry-bench-{state.name}"
    base = [*command, "--root", str(state)]
    pid_file = state.with_suffix(".pid")

    def job() -> None:
        subprocess.run(
            [*base, "create", "--bundle", str(bundle), "--pid-file", str(pid_file), name],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        ended = os.pidfd_open(int(pid_file.read_text()))
        subprocess.run([*base, "start", name], check=True)
        select.select([ended], [], [])  # a pidfd is readable once the process has ended, whoever its parent is
        os.close(ended)
        subprocess.run([*base, "delete", "--force", name], check=True)

    return job
