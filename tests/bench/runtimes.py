"""OCI runtimes on one bundle: cold lowrt, lowrt forked from a warm parent, runc, crun; each verb, many, and memory."""

import json
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from engine.spec import capabilities, seccomp
from tests.bench.measure import in_turn, print_table

Json = dict[str, Any]

ROOT = Path(__file__).resolve().parents[2]
LOWRT = [str(ROOT / "deploy" / "bin" / "lowrt")]
OURS, WARM = "lowrt", "lowrt warm"
MANY = 100


class Contender:
    """A runtime, and how it is called: words in, exit status out."""

    def __init__(self, name: str, call: Callable[[list[str]], int], state: Path) -> None:
        self.name, self._call = name, call
        self.base = ["--root", str(state)]

    def __call__(self, *words: str) -> None:
        status = self._call([*self.base, *words])
        if status:
            raise RuntimeError(f"{self.name} {' '.join(words)}: exit status {status}")


def run(folder: Path, rounds: int) -> None:
    """Time and print."""
    plain = make_bundle(folder / "plain", ["/bin/true"])
    filtered = make_bundle(folder / "filtered", ["/bin/true"], dockers_seccomp)
    idle = make_bundle(folder / "idle", ["/bin/sleep", "1000"])
    with contenders(folder) as found:
        rows = {
            "run true, default spec": in_turn({one.name: run_job(one, plain) for one in found}, rounds),
            "run true, Docker's seccomp profile": in_turn({one.name: run_job(one, filtered) for one in found}, rounds),
            **verbs(found, idle, rounds),
            f"each of {MANY}, one after the other": _shared(found, plain, 1),
        }
        parallel = [one for one in found if one.name != WARM]  # its parent answers one at a time
        rows[f"each of {MANY}, two at a time"] = _shared(parallel, plain, 2)
    print_table("OCI runtimes, own network namespace", rows, ours=OURS)
    print_table("OCI runtimes, memory", memory(folder, idle), ours=OURS, unit="MB")


@contextmanager
def contenders(folder: Path) -> Iterator[list[Contender]]:
    """The runtimes here; the warm one lives as long as the context."""
    with ExitStack() as stack:
        found = [
            Contender(OURS, _cold(LOWRT), folder / "state-lowrt"),
            Contender(WARM, stack.enter_context(_warm()), folder / "state-warm"),
        ]
        for name in ("runc", "crun"):
            if path := shutil.which(name):
                found.append(Contender(name, _cold([path]), folder / f"state-{name}"))
        yield found


def _cold(command: list[str]) -> Callable[[list[str]], int]:
    def call(words: list[str]) -> int:
        return subprocess.run(
            [*command, *words], check=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        ).returncode

    return call


@contextmanager
def _warm() -> Iterator[Callable[[list[str]], int]]:
    command = [sys.executable, "-IS", str(Path(__file__).with_name("warm.py"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        into, out = parent.stdin, parent.stdout

        def call(words: list[str]) -> int:
            into.write(json.dumps(words).encode() + b"\n")
            into.flush()
            return int(out.readline())

        yield call
        into.close()


def make_bundle(bundle: Path, arguments: list[str], change: Callable[[Json], None] | None = None) -> Path:
    """busybox with runc's default spec."""
    (bundle / "rootfs" / "bin").mkdir(parents=True)
    for name in ("true", "sleep"):
        shutil.copy("/bin/busybox", bundle / "rootfs" / "bin" / name)
    for name in ("proc", "sys", "dev"):
        (bundle / "rootfs" / name).mkdir()
    subprocess.run([*LOWRT, "spec"], cwd=bundle, check=True)
    config = json.loads((bundle / "config.json").read_text())
    config["ociVersion"] = "1.0.2"  # Debian's crun refuses newer ones
    config["process"].update(args=arguments, terminal=False)
    if change is not None:
        change(config)
    (bundle / "config.json").write_text(json.dumps(config))
    return bundle


def dockers_seccomp(config: Json) -> None:
    """The profile that every container of Docker's has."""
    major, minor = (int(part) for part in platform.release().split(".")[:2])
    config["linux"]["seccomp"] = seccomp.to_oci(
        seccomp.default_profile(), capabilities.DEFAULT, machine=platform.machine(), kernel=(major, minor)
    )


def run_job(one: Contender, bundle: Path, suffix: str = "") -> Callable[[], None]:
    name = f"wherry-bench-{one.name.replace(' ', '-')}{suffix}"
    return lambda: one("run", "--bundle", str(bundle), name)


def many(one: Contender, bundle: Path, workers: int) -> Callable[[], None]:
    """A hundred containers."""

    def job() -> None:
        with ThreadPoolExecutor(workers) as pool:
            for future in [pool.submit(run_job(one, bundle, f"-{number}")) for number in range(MANY)]:
                future.result()

    return job


def _shared(found: list[Contender], bundle: Path, workers: int) -> dict[str, float]:
    taken = in_turn({one.name: many(one, bundle, workers) for one in found}, 1)
    return {name: seconds / MANY for name, seconds in taken.items()}


def verbs(found: list[Contender], bundle: Path, rounds: int) -> dict[str, dict[str, float]]:
    """create, start, state, exec and delete --force, each by itself; every contender once in each round."""
    taken: dict[str, dict[str, list[float]]] = {}
    for number in range(rounds + 1):
        for one in found:
            name = f"wherry-bench-{one.name.replace(' ', '-')}-v"
            steps = {
                "create": ("create", "--bundle", str(bundle), name),
                "start": ("start", name),
                "state": ("state", name),
                "exec true": ("exec", name, "/bin/true"),
                "delete --force": ("delete", "--force", name),
            }
            for title, words in steps.items():
                started = time.perf_counter()
                one(*words)
                if number:
                    taken.setdefault(title, {}).setdefault(one.name, []).append(time.perf_counter() - started)
    return {title: {name: median(values) for name, values in cells.items()} for title, cells in taken.items()}


def memory(folder: Path, bundle: Path) -> Mapping[str, Mapping[str, float]]:
    """The runtime's own peak, and the smallest limit under which a container still starts."""
    commands = {OURS: LOWRT}
    commands.update({name: [path] for name in ("runc", "crun") if (path := shutil.which(name))})
    rows: dict[str, dict[str, float]] = {"resident at its peak": {}, "smallest memory limit": {}}
    for name, command in commands.items():
        base = [*command, "--root", str(folder / "state-memory")]
        rows["resident at its peak"][name] = _peak(base, bundle, f"wherry-bench-{name}")
        rows["smallest memory limit"][name] = _floor(folder / f"floor-{name}", base, f"wherry-bench-{name}")
    return rows


def _peak(base: list[str], bundle: Path, name: str) -> float:
    """Of the process that stays with a container in the foreground."""
    with subprocess.Popen([*base, "run", "--bundle", str(bundle), name], stdin=subprocess.DEVNULL) as runtime:
        while b'"running"' not in subprocess.run([*base, "state", name], check=False, capture_output=True).stdout:
            time.sleep(0.02)
        status = Path(f"/proc/{runtime.pid}/status").read_text()
        subprocess.run([*base, "kill", name, "KILL"], check=True)
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")) / 1024


def _floor(bundle: Path, base: list[str], name: str) -> float:
    """By halving, in steps of 64 KiB, up to 64 MiB."""
    make_bundle(bundle, ["/bin/true"])
    config = json.loads((bundle / "config.json").read_text())
    words = [*base, "run", "--bundle", str(bundle), name]
    low, high = 0, 1024
    while high - low > 1:
        middle = (low + high) // 2
        config["linux"]["resources"]["memory"] = {"limit": middle << 16, "swap": middle << 16}
        (bundle / "config.json").write_text(json.dumps(config))
        done = subprocess.run(words, check=False, stdin=subprocess.DEVNULL, capture_output=True)
        low, high = (low, middle) if done.returncode == 0 else (middle, high)
    return high / 16
