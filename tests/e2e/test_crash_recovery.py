"""SIGKILL of the engine while containers run: they go on, and the next engine knows all about them."""

import subprocess
import time
from pathlib import Path

from tests import needs
from tests.engine_process import Engine

pytestmark = [needs.root, needs.binary("docker"), needs.overlay]


def test_containers_outlive_a_killed_engine(tmp_path: Path) -> None:
    with Engine(tmp_path / "e") as engine:
        run = ("run", "-d", "--network", "none")
        loop = "i=0; while true; do echo l$i; i=$((i+1)); sleep 0.05; done"
        engine.docker(*run, "--name", "lives", "busybox", "sh", "-c", loop)
        engine.docker(*run, "--name", "ends", "busybox", "sh", "-c", "sleep 1; echo last; exit 5")
        engine.docker(*run, "--rm", "--name", "goes", "busybox", "sleep", "1")
        engine.docker(*run, "--restart", "always", "--name", "again", "busybox", "sleep", "1")
        engine.kill()
        time.sleep(2)
        engine.start()
        assert engine.out("inspect", "-f", "{{.State.ExitCode}} {{.State.Status}}", "ends") == "5 exited"
        assert engine.out("logs", "ends") == "last"
        assert engine.docker("inspect", "goes", check=False).returncode == 1
        engine.until("true", "inspect", "-f", "{{.State.Running}}", "again")
        assert engine.out("exec", "lives", "echo", "works") == "works"
        lines = engine.out("logs", "lives").splitlines()
        assert lines == [f"l{number}" for number in range(len(lines))], "a line was lost or told twice"
        engine.docker("stop", "-t", "0", "lives")
        assert engine.out("inspect", "-f", "{{.State.ExitCode}}", "lives") == "137"


def test_a_supervisor_that_was_killed_is_asked_again(tmp_path: Path) -> None:
    with Engine(tmp_path / "e") as engine:
        engine.docker("run", "-d", "--network", "none", "--name", "lives", "busybox", "sleep", "100")
        subprocess.run(["kill", "-9", str(engine.supervisor_pid)], check=True)
        engine.kill()
        engine.start()
        assert engine.out("inspect", "-f", "{{.State.Status}}", "lives") == "running"
        assert engine.out("exec", "lives", "echo", "works") == "works"


def test_the_engine_starts_a_killed_supervisor_again(tmp_path: Path) -> None:
    with Engine(tmp_path / "e") as engine:
        engine.docker("run", "-d", "--network", "none", "--name", "ends", "busybox", "sh", "-c", "sleep 1; exit 6")
        before = engine.supervisor_pid
        subprocess.run(["kill", "-9", str(before)], check=True)
        engine.until("6 exited", "inspect", "-f", "{{.State.ExitCode}} {{.State.Status}}", "ends")
        assert engine.supervisor_pid != before
        assert engine.out("run", "--rm", "--network", "none", "busybox", "echo", "hi") == "hi"


def test_half_removed_containers_are_finished(tmp_path: Path) -> None:
    with Engine(tmp_path / "e") as engine:
        engine.docker("create", "--network", "none", "--name", "half", "busybox", "true")
        engine.kill()
        import sqlite3

        with sqlite3.connect(tmp_path / "e" / "data" / "engine.db") as database:
            database.execute("INSERT INTO leftovers SELECT id, document FROM containers")
            database.execute("DELETE FROM containers")
        database.close()
        engine.start()
        assert engine.out("ps", "-aq") == ""
        assert list((tmp_path / "e" / "data" / "containers").iterdir()) == []
