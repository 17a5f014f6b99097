"""The shim v2 contract, as seen through a daemon and its `ctr`: what must hold for a shim under any containerd.

`test_shim_v2_*.py` bind it to daemons. A `World` is a daemon with private folders; a `Runtime` names shim and runtime.
"""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tests.images import busybox_archive

ROOT = Path(__file__).resolve().parents[2]
IMAGE = "docker.io/library/busybox:latest"
SECONDS = 20


class World:
    """One containerd with everything of its own but the socket folder of shims, which has a fixed place."""

    def __init__(self, folder: Path, path: str) -> None:
        self.folder = folder
        self.address = str(folder / "c.sock")
        self.environment = {**os.environ, "PATH": f"{folder / 'bin'}:{ROOT / 'deploy' / 'bin'}:{path}"}
        (folder / "bin").mkdir()
        # ctr passes --runc-binary to a runtime of runc's name only: our shim answers to that, too.
        (folder / "bin" / "containerd-shim-runc-v2").symlink_to(ROOT / "deploy" / "bin" / "containerd-shim-wherry-v2")
        (folder / "config.toml").write_text('version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n')
        self.daemon: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the daemon and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            self.daemon = subprocess.Popen(
                [
                    *("containerd", "--config", str(self.folder / "config.toml"), "-l", "debug"),
                    *("--root", str(self.folder / "root"), "--state", str(self.folder / "state"), "-a", self.address),
                ],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_until(lambda: self.ctr("version").returncode == 0, "containerd answers")

    def kill(self, number: int = signal.SIGKILL) -> None:
        """End the daemon by a signal."""
        assert self.daemon is not None
        self.daemon.send_signal(number)
        self.daemon.wait(10)
        self.daemon = None

    def ctr(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run ctr to its end."""
        return subprocess.run(
            ["timeout", "-k", "1", str(SECONDS), "ctr", "-a", self.address, *words],
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=SECONDS + 5,
            check=False,
        )

    def tasks(self) -> dict[str, tuple[int, str]]:
        """id → (pid, status) as `ctr task ls` shows."""
        rows = [line.split() for line in self.ctr("task", "ls").stdout.splitlines()[1:]]
        return {row[0]: (int(row[1]), row[2]) for row in rows}

    def shim_of(self, container: str) -> int:
        """The shim's pid."""
        return parent_of(self.tasks()[container][0])

    def forget(self, container: str) -> None:
        """Take a container away, whatever is left of it."""
        self.ctr("task", "rm", "-f", container)
        self.ctr("container", "rm", container)

    def close(self) -> None:
        """Leave nothing: containers, daemon, mounts."""
        if self.daemon is None:
            self.start()
        for container in self.ctr("container", "ls", "-q").stdout.split():
            self.forget(container)
        self.kill(signal.SIGTERM)
        for line in reversed(Path("/proc/self/mountinfo").read_text().splitlines()):
            if line.split()[4].startswith(str(self.folder)):
                subprocess.run(["umount", "-l", line.split()[4]], check=False)


class Runtime:
    """Which shim, and through it which OCI runtime."""

    def __init__(self, binary: str) -> None:
        self.binary = binary
        self.words = (
            ("--runtime", "io.containerd.wherry.v2")
            if binary == "lowrt"
            else ("--runtime", "io.containerd.runc.v2", "--runc-binary", binary)
        )


def parent_of(pid: int) -> int:
    """A process's parent."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until(condition: object, what: str, seconds: float = 10.0) -> None:
    """Poll, for things that tell nobody."""
    assert callable(condition)
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} seconds: {what}"
        time.sleep(0.05)


def worlds(folder: Path, path: str) -> Iterator[World]:
    """A world with the image in it, as a fixture's body."""
    world = World(folder, path)
    world.start()
    try:
        imported = world.ctr("images", "import", str(busybox_archive(folder / "busybox.tar")))
        assert imported.returncode == 0, imported.stderr
        yield world
    finally:
        world.close()


class ShimV2Contract:
    """The suite; a subclass gives the fixtures `world` and `runtime`."""

    def run(self, world: World, runtime: Runtime, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """`ctr run --rm`."""
        return world.ctr("run", "--rm", *runtime.words, *words, stdin=stdin)

    def detached(self, world: World, runtime: Runtime, name: str, *command: str) -> int:
        """`ctr run -d`; the pid of the first process."""
        done = world.ctr("run", "-d", *runtime.words, IMAGE, name, *command)
        assert done.returncode == 0, done.stderr
        return world.tasks()[name][0]

    def test_output_and_exit_codes_come_through(self, world: World, runtime: Runtime) -> None:
        """Both outputs, by their own way, and the command's own code."""
        done = self.run(world, runtime, IMAGE, "codes", "sh", "-c", "echo out; echo err >&2; exit 7")
        assert (done.returncode, done.stdout, done.stderr) == (7, "out\n", "err\n")

    def test_much_output_is_whole(self, world: World, runtime: Runtime) -> None:
        """No byte is lost at the end of a process."""
        done = self.run(world, runtime, IMAGE, "much", "sh", "-c", "seq 1 200000")
        assert done.stdout == "".join(f"{number}\n" for number in range(1, 200001))

    def test_input_ends_where_the_clients_ends(self, world: World, runtime: Runtime) -> None:
        """cat sees its end."""
        done = self.run(world, runtime, IMAGE, "input", "cat", stdin="from the client\n")
        assert (done.returncode, done.stdout) == (0, "from the client\n")

    def test_a_terminal_is_one(self, world: World, runtime: Runtime) -> None:
        """-t gives a pty, and its output and code."""
        command = f"ctr -a {world.address} run --rm -t {' '.join(runtime.words)} {IMAGE} term sh -c 'tty; exit 3'"
        done = subprocess.run(
            ["timeout", "-k", "1", "20", "script", "-qec", command, "/dev/null"],
            env=world.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 3
        assert "/dev/pts/0" in done.stdout

    def test_a_missing_program_is_named_in_the_originals_words(self, world: World, runtime: Runtime) -> None:
        """And nothing of the container is left."""
        done = self.run(world, runtime, IMAGE, "missing", "nope")
        assert done.returncode == 1
        assert "failed to create shim task: OCI runtime create failed: " in done.stderr
        assert re.search(
            r'(exec: "nope": executable file not found in \$PATH|executable file `nope` not found)', done.stderr
        )
        assert world.tasks() == {}

    def test_exec_runs_beside_and_fails_by_itself(self, world: World, runtime: Runtime) -> None:
        """Its own output and code; a program that is missing there ends nothing else."""
        self.detached(world, runtime, "host", "sleep", "100")
        done = world.ctr("task", "exec", "--exec-id", "e1", "host", "sh", "-c", "echo beside; exit 4")
        assert (done.returncode, done.stdout) == (4, "beside\n")
        failed = world.ctr("task", "exec", "--exec-id", "e2", "host", "nope")
        assert failed.returncode == 1
        assert "OCI runtime exec failed" in failed.stderr
        assert world.tasks()["host"][1] == "RUNNING"
        world.forget("host")

    def test_pause_metrics_and_kill(self, world: World, runtime: Runtime) -> None:
        """A frozen task shows so, a thawed one goes on; a killed one has 128 + 9."""
        pid = self.detached(world, runtime, "frozen", "sleep", "100")
        assert world.ctr("task", "pause", "frozen").returncode == 0
        assert world.tasks()["frozen"] == (pid, "PAUSED")
        assert world.ctr("task", "resume", "frozen").returncode == 0
        assert world.tasks()["frozen"] == (pid, "RUNNING")
        assert "pids.current" in world.ctr("task", "metrics", "frozen").stdout
        assert str(pid) in world.ctr("task", "ps", "frozen").stdout
        assert world.ctr("task", "kill", "-s", "KILL", "frozen").returncode == 0
        wait_until(lambda: world.tasks()["frozen"][1] == "STOPPED", "the task is stopped")
        assert "137" in world.ctr("task", "rm", "frozen").stderr
        world.forget("frozen")

    def test_events_come_in_order(self, world: World, runtime: Runtime) -> None:
        """create, start, exit, delete."""
        told = world.folder / "events"
        with told.open("wb") as output:
            listener = subprocess.Popen(
                ["ctr", "-a", world.address, "events"], env=world.environment, stdout=output, start_new_session=True
            )
        try:
            # ctr does not say when it has subscribed: stir something until it is told of it.
            wait_until(
                lambda: not world.ctr("i", "label", IMAGE, "a=b").returncode and told.stat().st_size, "ctr listens"
            )
            self.run(world, runtime, IMAGE, "told", "true")
            wait_until(lambda: re.search(rb'/tasks/delete .*"told"', told.read_bytes()), "the delete is told")
        finally:
            listener.kill()
            listener.wait()
        # The end of an earlier test's container may be told as late as this.
        own = [line for line in told.read_text().splitlines() if '"container_id":"told"' in line]
        topics = re.findall(r"/tasks/[a-z-]+", "\n".join(own))
        assert topics == ["/tasks/create", "/tasks/start", "/tasks/exit", "/tasks/delete"]

    def test_a_container_outlives_its_daemon(self, world: World, runtime: Runtime) -> None:
        """SIGKILL of containerd: the next one finds the task, and the exit code of what happened meanwhile."""
        pid = self.detached(world, runtime, "survivor", "sh", "-c", "trap 'exit 5' TERM; while :; do sleep 0.05; done")
        world.kill()
        assert alive(pid)
        world.start()
        assert world.tasks()["survivor"] == (pid, "RUNNING")
        done = world.ctr("task", "exec", "--exec-id", "again", "survivor", "echo", "still here")
        assert done.stdout == "still here\n"
        world.kill()
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not alive(pid), "the container has ended")
        world.start()
        assert world.tasks().get("survivor", (pid, "STOPPED")) == (pid, "STOPPED")
        if "survivor" in world.tasks():  # containerd 2 takes a stopped task that it finds for a leak, and deletes it
            assert "code 5" in world.ctr("task", "rm", "survivor").stderr
        world.forget("survivor")

    def test_a_dead_shim_leaves_nothing(self, world: World, runtime: Runtime) -> None:
        """SIGKILL of the shim: containerd has `delete` clean up; no process, mount or runtime state stays."""
        pid = self.detached(world, runtime, "orphan", "sleep", "100")
        os.kill(world.shim_of("orphan"), signal.SIGKILL)
        wait_until(lambda: world.tasks() == {}, "the task is gone")
        wait_until(lambda: not alive(pid), "the container is killed")
        mounted = Path("/proc/self/mountinfo")
        wait_until(lambda: f"{world.folder}/state" not in mounted.read_text(), "its tree is unmounted")
        assert not Path("/run/containerd/runc/default/orphan").exists()
        world.forget("orphan")
