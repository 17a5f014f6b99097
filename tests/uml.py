"""A User-Mode Linux kernel on the host's files: it boots as a process in seconds, and has what the host has not."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
PATIENCE = 1200  # seconds: it is a slow machine, and others are at work


def boot(init: Path, suite: list[str], *words: str) -> str:
    """Run test files in the kernel, under a script as its init; everything it printed."""
    if not (PROJECT / ".venv" / "bin" / "python").exists():
        pytest.skip("needs the project's own .venv, which the kernel's init runs")
    command = [
        "linux.uml",
        "mem=768M",
        "root=/dev/root",
        "rootfstype=hostfs",
        "rootflags=/",
        "rw",
        f"init={init}",
        "con=null",
        "con0=fd:0,fd:1",
        "quiet",
        f"PROJECT={PROJECT}",
        f"SUITE={','.join(suite)}",
        *words,
    ]
    # Its own session: the kernel is several processes, and they must all go if the time is up.
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            output, _ = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired as late:
            pytest.fail(f"the kernel did not end in {PATIENCE} s:\n{late.output}")
        finally:  # also when the tests are interrupted
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    return output


def load_module(module: str) -> None:
    """Inside: modprobe, which looks for modules elsewhere than they are."""
    folder = Path("/usr/lib/uml/modules", os.uname().release)
    lines = (line.split() for line in (folder / "modules.dep").read_text().splitlines())
    own, *needed = next(words for words in lines if Path(words[0].rstrip(":")).stem == module)
    for path in (*reversed(needed), own.rstrip(":")):
        if not Path("/sys/module", Path(path).stem.replace("-", "_")).exists():
            subprocess.run(["busybox", "insmod", str(folder / path)], check=True)
