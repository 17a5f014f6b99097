"""Our engine on the real containerd and its own shim: the lower half of the stack swapped for the original."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import needs
from tests.containerd_process import Containerd
from tests.engine_process import Engine

pytestmark = [needs.root, needs.binary("docker"), needs.overlay, needs.peers]

_PROGRAMS = Path(os.environ.get("PEERS_ROOT", "/var/cache/wherry-peers")) / "native" / "bin"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine on containerd 2.x (the transfer service is not in Debian 12's 1.6)."""
    program = _PROGRAMS / "containerd"
    if not program.exists():
        pytest.skip("needs the peers to be set up (../shared/peers/setup)")
    folder = tmp_path_factory.mktemp("swap")
    before = os.environ["PATH"]
    os.environ["PATH"] = f"{_PROGRAMS}:{before}"
    try:
        with Containerd(folder, str(program)) as containerd:
            flags = ("--containerd", containerd.address, "--add-runtime", "original=io.containerd.runc.v2")
            with Engine(folder / "e", *flags, "--default-runtime", "original") as made:
                yield made
    finally:
        os.environ["PATH"] = before


def test_run_streams_and_exit_codes(engine: Engine) -> None:
    done = engine.docker(
        "run", "--rm", "--network", "none", "busybox", "sh", "-c", "echo o; echo e >&2; exit 3", check=False
    )
    assert (done.stdout, done.stderr, done.returncode) == ("o\n", "e\n", 3)
    assert engine.docker("run", "--rm", "-i", "--network", "none", "busybox", "cat", stdin="in").stdout == "in"
    assert engine.docker("run", "--rm", "--network", "none", "busybox", "nope", check=False).returncode == 127


def test_logs_exec_and_stop(engine: Engine) -> None:
    script = 'trap "echo bye; exit 4" TERM; echo begin; while true; do sleep 0.05; done'
    engine.docker("run", "-d", "--network", "none", "--name", "life", "busybox", "sh", "-c", script)
    assert engine.out("exec", "life", "echo", "hi") == "hi"
    engine.docker("stop", "life")
    assert engine.out("logs", "life") == "begin\nbye"
    assert engine.out("inspect", "-f", "{{.State.ExitCode}}", "life") == "4"
    engine.docker("rm", "life")


def test_a_killed_engine_goes_on_where_it_was(engine: Engine) -> None:
    loop = "i=0; while true; do echo l$i; i=$((i+1)); sleep 0.05; done"
    engine.docker("run", "-d", "--network", "none", "--name", "lives", "busybox", "sh", "-c", loop)
    engine.kill()
    engine.start()
    assert engine.out("exec", "lives", "echo", "works") == "works"
    lines = engine.out("logs", "lives").splitlines()
    assert lines == [f"l{number}" for number in range(len(lines))]
    engine.docker("rm", "-f", "lives")


def test_nothing_is_left_in_containerd(engine: Engine) -> None:
    engine.docker("run", "--rm", "--network", "none", "busybox", "true")
    address = engine.folder.parent / "c.sock"
    ctr = shutil.which("ctr") or str(_PROGRAMS / "ctr")
    for noun in ("containers", "tasks"):
        done = subprocess.run(
            [ctr, "-a", str(address), "-n", "moby", noun, "ls", "-q"], capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == ""
