"""What an OCI runtime with runc's command line must do about checkpoints: one suite, run on lowrt and on runc."""

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.contract.oci_runtime import Bundles, Json, Runtime, listening, receive_master

# Counts in its memory, so that only a restored one goes on where it was.
COUNTER = "n=0; while read word; do n=$((n+1)); echo $n $word; done; exit 5"
PATIENCE = 30.0


class Pipes:
    """A container's stdio at the other end."""

    def __init__(self) -> None:
        self._in_read, self._in_write = os.pipe()
        self._out_read, self._out_write = os.pipe()
        self._answers = os.fdopen(self._out_read, "r")

    @property
    def theirs(self) -> dict[str, int]:
        return {"stdin": self._in_read, "stdout": self._out_write, "stderr": self._out_write}

    def say(self, word: str) -> None:
        os.write(self._in_write, f"{word}\n".encode())

    def ask(self, word: str) -> str:
        """Say a word, read a line."""
        self.say(word)
        return self._answers.readline().strip()

    def close(self) -> None:
        self._answers.close()
        for fd in (self._in_read, self._in_write, self._out_write):
            os.close(fd)


@contextmanager
def pipes() -> Iterator[Pipes]:
    made = Pipes()
    try:
        yield made
    finally:
        made.close()


NULL = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def has_feature(name: str) -> bool:
    """Whether criu and the kernel can do that."""
    return subprocess.run(["criu", "check", "--feature", name], check=False, capture_output=True).returncode == 0


def call(runtime: Runtime, *words: str, streams: Any = None) -> int:
    """A command line on streams that criu can dump, or replace: no file of the host is among them."""
    runtime.log.unlink(missing_ok=True)
    return subprocess.run(runtime.argv(*words), check=False, timeout=60, **(streams or NULL)).returncode


def succeed(runtime: Runtime, *words: str, streams: Any = None) -> None:
    code = call(runtime, *words, streams=streams)
    assert code == 0, runtime.log.read_text()


def last_error(runtime: Runtime) -> str:
    lines = [json.loads(line) for line in runtime.log.read_text().splitlines()]
    return str([line["msg"] for line in lines if line["level"] == "error"][-1])


def has_gone(pid: int) -> bool:
    """The process is no more, or waits for its parent."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def wait_until(happened: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


class Checkpoints:
    """checkpoint and restore."""

    @pytest.fixture
    def paths(self, tmp_path: Path) -> tuple[str, ...]:
        return ("--image-path", str(tmp_path / "image"), "--work-path", str(tmp_path / "work"))

    def test_memory_and_pipes_come_back_under_another_id(
        self, runtime: Runtime, bundles: Bundles, paths: tuple[str, ...], tmp_path: Path
    ) -> None:
        bundle = bundles.sh(COUNTER)
        with pipes() as before:
            succeed(runtime, "run", "-d", "-b", bundle, "c1", streams=before.theirs)
            assert before.ask("a") == "1 a"
            pid = runtime.state("c1")["pid"]
            succeed(runtime, "checkpoint", *paths, "c1")
        assert has_gone(pid)
        assert runtime("state", "c1").code == 1
        assert json.loads((tmp_path / "image" / "descriptors.json").read_text())[0].startswith("pipe:[")
        assert (tmp_path / "work" / "dump.log").exists()
        with pipes() as after:
            pid_file = tmp_path / "pid"
            words = ("restore", "-d", *paths, "-b", bundle, "--pid-file", str(pid_file), "c2")
            succeed(runtime, *words, streams=after.theirs)
            assert after.ask("b") == "2 b"
            state = runtime.state("c2")
            assert (state["status"], state["id"], state["bundle"]) == ("running", "c2", bundle)
            assert int(pid_file.read_text()) == state["pid"]
            assert (tmp_path / "work" / "restore.log").exists()
            assert runtime("exec", "c2", "sh", "-c", "echo in").out == "in\n"
            assert [entry["id"] for entry in json.loads(runtime("list", "--format", "json").out)] == ["c2"]
            assert runtime("delete", "--force", "c2").code == 0
        assert has_gone(state["pid"])

    def test_it_may_be_done_twice_under_the_same_id(
        self, runtime: Runtime, bundles: Bundles, paths: tuple[str, ...]
    ) -> None:
        bundle = bundles.sh(COUNTER)
        with pipes() as stream:
            succeed(runtime, "run", "-d", "-b", bundle, "c1", streams=stream.theirs)
            assert stream.ask("a") == "1 a"
            for turn in (2, 3):
                succeed(runtime, "checkpoint", *paths, "c1")
                succeed(runtime, "restore", "-d", *paths, "-b", bundle, "c1", streams=stream.theirs)
                assert stream.ask("b") == f"{turn} b"

    def test_left_running_it_goes_on_and_a_copy_lives_in_another_bundle(
        self, runtime: Runtime, bundles: Bundles, paths: tuple[str, ...]
    ) -> None:
        with pipes() as first, pipes() as second:
            succeed(runtime, "run", "-d", "-b", bundles.sh(COUNTER), "c1", streams=first.theirs)
            assert first.ask("a") == "1 a"
            succeed(runtime, "checkpoint", "--leave-running", *paths, "c1")
            assert runtime.state("c1")["status"] == "running"
            assert first.ask("b") == "2 b"
            succeed(runtime, "restore", "-d", *paths, "-b", bundles.sh(COUNTER), "c2", streams=second.theirs)
            assert second.ask("c") == "2 c"
            assert first.ask("d") == "3 d"

    def test_memory_may_be_dumped_before(
        self, runtime: Runtime, bundles: Bundles, paths: tuple[str, ...], tmp_path: Path
    ) -> None:
        if not has_feature("mem_dirty_track"):
            succeed(runtime, "run", "-d", "-b", bundles(), "c1")
            assert call(runtime, "checkpoint", "--pre-dump", *paths, "c1") == 1
            assert last_error(runtime) == "criu is missing features: [MemTrack]"
            assert runtime.state("c1")["status"] == "running"
            pytest.skip(
                "needs a kernel that tracks dirty memory (CONFIG_MEM_SOFT_DIRTY); it was refused in clear words"
            )
        bundle = bundles.sh(COUNTER)
        with pipes() as stream:
            succeed(runtime, "run", "-d", "-b", bundle, "c1", streams=stream.theirs)
            succeed(runtime, "checkpoint", "--pre-dump", "--image-path", str(tmp_path / "before"), "c1")
            assert stream.ask("a") == "1 a"
            succeed(runtime, "checkpoint", "--parent-path", "../before", *paths, "c1")
            assert os.readlink(tmp_path / "image" / "parent") == "../before"
            succeed(runtime, "restore", "-d", *paths, "-b", bundle, "c1", streams=stream.theirs)
            assert stream.ask("b") == "2 b"

    def test_memory_may_wait_for_whoever_fetches_it(
        self, runtime: Runtime, bundles: Bundles, paths: tuple[str, ...], tmp_path: Path
    ) -> None:
        """The fetching itself is criu's, and fails here in its page server, with runc as well."""
        if not has_feature("uffd-noncoop"):
            pytest.skip("needs a kernel with userfaultfd's events")
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        ready, status = os.pipe()
        with pipes() as stream:
            succeed(runtime, "run", "-d", "-b", bundles.sh(COUNTER), "c1", streams=stream.theirs)
            assert stream.ask("a") == "1 a"
            server = ("--page-server", f"127.0.0.1:{port}", "--status-fd", str(status))
            words = runtime.argv("checkpoint", "--lazy-pages", *server, *paths, "c1")
            with subprocess.Popen(words, pass_fds=[status], **NULL) as dumping:
                os.close(status)
                assert os.read(ready, 2) == b"\0"
                os.close(ready)
                assert (tmp_path / "image" / "inventory.img").exists()
                socket.create_connection(("127.0.0.1", port), PATIENCE).close()
                assert dumping.wait(PATIENCE) == 0  # whoever comes and goes is content
            assert runtime("state", "c1").code == 1

    @pytest.mark.parametrize(
        ("parent", "words"), [("/there", "--parent-path must be relative"), ("../no", "invalid --parent-path: stat ")]
    )
    def test_a_parent_that_cannot_be_one_is_refused(
        self, runtime: Runtime, bundles: Bundles, paths: tuple[str, ...], parent: str, words: str
    ) -> None:
        succeed(runtime, "run", "-d", "-b", bundles(), "c1")
        assert call(runtime, "checkpoint", "--parent-path", parent, *paths, "c1") == 1
        assert last_error(runtime).startswith(words)
        assert runtime.state("c1")["status"] == "running"

    def test_a_terminal_is_sent_to_the_console_socket(
        self, runtime: Runtime, bundles: Bundles, paths: tuple[str, ...], tmp_path: Path
    ) -> None:
        bundle = bundles.sh(f"stty -echo; {COUNTER}", lambda d: d["process"].update(terminal=True))
        masters = []
        for verb, word, answer in (("run", "a", "1 a"), ("restore", "b", "2 b")):
            with listening(tmp_path / verb) as server:
                words = (verb, "-d", "-b", bundle, "--console-socket", str(tmp_path / verb))
                arguments = runtime.argv(*words, *(paths if verb == "restore" else ()), "c1")
                with subprocess.Popen(arguments, **NULL) as process:
                    masters.append(receive_master(server))
                    assert process.wait(PATIENCE) == 0
            os.write(masters[-1], f"{word}\n".encode())
            text = b""
            while answer.encode() not in text:
                text += os.read(masters[-1], 4096)
            if verb == "run":
                succeed(runtime, "checkpoint", *paths, "c1")
        for master in masters:
            os.close(master)

    def test_a_dump_that_fails_leaves_it_running(
        self, runtime: Runtime, bundles: Bundles, paths: tuple[str, ...], tmp_path: Path
    ) -> None:
        with pipes() as stream, (tmp_path / "of-the-host").open("w") as file:
            streams = {**stream.theirs, "stderr": file}
            succeed(runtime, "run", "-d", "-b", bundles.sh(COUNTER), "c1", streams=streams)
            assert call(runtime, "checkpoint", *paths, "c1") == 1
            assert last_error(runtime).startswith("criu failed: type DUMP errno ")
            assert f"{tmp_path}/work/dump.log" in runtime.log.read_text()  # where to look, and what is there
            assert "of-the-host" in runtime.log.read_text()
            assert runtime.state("c1")["status"] == "running"
            assert stream.ask("a") == "1 a"

    @pytest.mark.parametrize("state", ["created", "stopped"])
    def test_only_one_that_runs_can_be_checkpointed(
        self, runtime: Runtime, bundles: Bundles, paths: tuple[str, ...], state: str
    ) -> None:
        succeed(runtime, *(("create",) if state == "created" else ("run", "-d")), "-b", bundles("true"), "c1")
        runtime.wait_for("c1", state)
        assert call(runtime, "checkpoint", *paths, "c1") == 1
        assert last_error(runtime) == f"Container cannot be checkpointed in {state} state"

    def test_a_paused_one_can_and_comes_back_running(
        self, runtime: Runtime, bundles: Bundles, paths: tuple[str, ...]
    ) -> None:
        bundle = bundles.sh(COUNTER)
        with pipes() as stream:
            succeed(runtime, "run", "-d", "-b", bundle, "c1", streams=stream.theirs)
            assert stream.ask("a") == "1 a"
            succeed(runtime, "pause", "c1")
            succeed(runtime, "checkpoint", *paths, "c1")
            succeed(runtime, "restore", "-d", *paths, "-b", bundle, "c1", streams=stream.theirs)
            assert runtime.state("c1")["status"] == "running"
            assert stream.ask("b") == "2 b"

    def test_it_comes_back_into_the_new_cgroup_with_its_limits(
        self, runtime: Runtime, bundles: Bundles, paths: tuple[str, ...]
    ) -> None:
        def limit(document: Json) -> None:
            document["linux"]["resources"]["pids"] = {"limit": 17}

        with pipes() as stream:
            succeed(runtime, "run", "-d", "-b", bundles.sh(COUNTER), "c1", streams=stream.theirs)
            succeed(runtime, "checkpoint", "--manage-cgroups-mode", "ignore", *paths, "c1")
            other = bundles.sh(COUNTER, limit)
            words = ("restore", "-d", "--manage-cgroups-mode", "ignore", *paths, "-b", other, "c2")
            succeed(runtime, *words, streams=stream.theirs)
            wanted = json.loads((Path(other) / "config.json").read_text())["linux"]["cgroupsPath"]
            lines = Path(f"/proc/{runtime.state('c2')['pid']}/cgroup").read_text().splitlines()
            pids = next(line for line in lines if line.split(":")[1] in ("pids", ""))
            assert pids.split(":")[2] == wanted
            folder = Path("/sys/fs/cgroup") / ("pids" if ":pids:" in pids else "") / wanted.lstrip("/")
            assert (folder / "pids.max").read_text() == "17\n"
            assert stream.ask("a") == "1 a"

    def test_bind_mounts_find_their_sources_and_lost_mount_points_are_made(
        self, runtime: Runtime, bundles: Bundles, paths: tuple[str, ...], tmp_path: Path
    ) -> None:
        outer, inner, file = tmp_path / "outer", tmp_path / "inner", tmp_path / "file"
        outer.mkdir()
        inner.mkdir()
        file.write_text("text\n")
        (inner / "word").write_text("within\n")

        def bind(document: Json) -> None:
            for source, place in ((outer, "/data"), (inner, "/data/for/nested"), (file, "/data/file")):
                mount = {"source": str(source), "destination": place, "options": ["rbind"]}
                document["mounts"].append(mount)

        bundle = bundles(change=bind)
        succeed(runtime, "run", "-d", "-b", bundle, "c1")
        succeed(runtime, "checkpoint", *paths, "c1")
        (outer / "for" / "nested").rmdir()
        (outer / "for").rmdir()
        (outer / "file").unlink()
        succeed(runtime, "restore", "-d", *paths, "-b", bundle, "c1")
        assert runtime("exec", "c1", "cat", "/data/for/nested/word", "/data/file").out == "within\ntext\n"
        assert str(tmp_path / "outer") not in Path("/proc/self/mountinfo").read_text()

    def test_masks_readonly_paths_and_cgroup_mounts_are_as_they_were(
        self, runtime: Runtime, bundles: Bundles, paths: tuple[str, ...]
    ) -> None:
        def harden(document: Json) -> None:
            document["linux"].update(maskedPaths=["/proc/version", "/proc/tty"], readonlyPaths=["/proc/sys"])
            for mount in (
                {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["ro"]},
                {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro"]},
            ):
                document["mounts"].append(mount)
            document["root"]["readonly"] = True

        def mounts(name: str) -> list[str]:
            lines = runtime("exec", name, "cat", "/proc/self/mountinfo").out.splitlines()
            return sorted(f"{fields[4]} {fields[5].split(',')[0]}" for fields in map(str.split, lines))

        bundle = bundles(change=harden)
        succeed(runtime, "run", "-d", "-b", bundle, "c1")
        before = mounts("c1")
        succeed(runtime, "checkpoint", *paths, "c1")
        succeed(runtime, "restore", "-d", *paths, "-b", bundle, "c1")
        assert mounts("c1") == before
        assert runtime("exec", "c1", "sh", "-c", "cat /proc/version; ls /proc/tty; echo end").out == "end\n"

    def test_filters_and_capabilities_are_as_they_were(
        self, runtime: Runtime, bundles: Bundles, paths: tuple[str, ...]
    ) -> None:
        def harden(document: Json) -> None:
            document["process"]["user"] = {"uid": 0, "gid": 0, "additionalGids": [5]}
            document["linux"]["seccomp"] = {
                "defaultAction": "SCMP_ACT_ALLOW",
                "architectures": ["SCMP_ARCH_X86_64"],
                "syscalls": [{"names": ["sethostname"], "action": "SCMP_ACT_ERRNO"}],
            }

        keys = ("Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp")

        def status() -> list[str]:
            text = Path(f"/proc/{runtime.state('c1')['pid']}/status").read_text()
            return [line for line in text.splitlines() if line.split(":")[0] in keys]

        bundle = bundles(change=harden)
        succeed(runtime, "run", "-d", "-b", bundle, "c1")
        before = status()
        succeed(runtime, "checkpoint", *paths, "c1")
        succeed(runtime, "restore", "-d", *paths, "-b", bundle, "c1")
        assert status() == before

    def test_a_network_namespace_that_was_joined_is_joined_again(
        self, runtime: Runtime, bundles: Bundles, paths: tuple[str, ...]
    ) -> None:
        holder = ["unshare", "--net", "sh", "-c", "echo; exec sleep 1000"]
        with subprocess.Popen(holder, stdout=subprocess.PIPE) as other:
            try:
                assert other.stdout
                assert other.stdout.readline()
                path = f"/proc/{other.pid}/ns/net"

                def join(document: Json) -> None:
                    next(n for n in document["linux"]["namespaces"] if n["type"] == "network")["path"] = path

                bundle = bundles(change=join)
                succeed(runtime, "run", "-d", "-b", bundle, "c1")
                succeed(runtime, "checkpoint", *paths, "c1")
                succeed(runtime, "restore", "-d", *paths, "-b", bundle, "c1")
                assert os.readlink(f"/proc/{runtime.state('c1')['pid']}/ns/net") == os.readlink(path)
                assert runtime("delete", "--force", "c1").code == 0
            finally:
                other.kill()

    def test_hooks_of_the_runtime_run_before_it_goes_on(
        self, runtime: Runtime, bundles: Bundles, paths: tuple[str, ...], tmp_path: Path
    ) -> None:
        record = tmp_path / "record"

        def hook(point: str) -> Json:
            script = f"cat > {record}.state; echo {point} >> {record}"
            return {"path": "/bin/sh", "args": ["sh", "-c", script], "env": ["PATH=/usr/bin:/bin"]}

        points = ("prestart", "createRuntime", "createContainer", "poststart", "poststop")
        bundle = bundles(change=lambda d: d.update(hooks={point: [hook(point)] for point in points}))
        succeed(runtime, "run", "-d", "-b", bundle, "c1")
        succeed(runtime, "checkpoint", *paths, "c1")
        assert record.read_text().split() == list(points)  # it has ended as any other
        record.unlink()
        succeed(runtime, "restore", "-d", *paths, "-b", bundle, "c2")
        assert record.read_text().split() == ["prestart", "createRuntime"]
        state = json.loads(Path(f"{record}.state").read_text())
        assert (state["id"], state["bundle"], state["pid"]) == ("c2", bundle, runtime.state("c2")["pid"])

    def test_a_hook_that_fails_undoes_the_restore(
        self, runtime: Runtime, bundles: Bundles, paths: tuple[str, ...]
    ) -> None:
        bundle = bundles()
        succeed(runtime, "run", "-d", "-b", bundle, "c1")
        succeed(runtime, "checkpoint", *paths, "c1")
        hooks = {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", "echo why >&2; exit 3"]}]}
        other = bundles(change=lambda d: d.update(hooks=hooks))
        assert call(runtime, "restore", "-d", *paths, "-b", other, "c2") == 1
        assert "exit status 3, stdout: , stderr: why" in last_error(runtime)
        assert runtime("state", "c2").code == 1

    def test_in_the_foreground_it_is_waited_for(
        self, runtime: Runtime, bundles: Bundles, paths: tuple[str, ...]
    ) -> None:
        bundle = bundles.sh(COUNTER)
        with pipes() as stream:
            succeed(runtime, "run", "-d", "-b", bundle, "c1", streams=stream.theirs)
            assert stream.ask("a") == "1 a"
            succeed(runtime, "checkpoint", *paths, "c1")
        done = subprocess.run(
            runtime.argv("restore", *paths, "-b", bundle, "c1"),
            check=False,
            input=b"b\n",
            capture_output=True,
            timeout=60,
        )
        assert (done.returncode, done.stdout) == (5, b"2 b\n")
        assert runtime("state", "c1").code == 1

    def test_an_image_that_is_not_there_leaves_nothing(
        self, runtime: Runtime, bundles: Bundles, tmp_path: Path
    ) -> None:
        assert call(runtime, "restore", "-d", "--image-path", str(tmp_path / "none"), "-b", bundles(), "c1") == 1
        assert "no such file or directory" in last_error(runtime)
        assert runtime("state", "c1").code == 1
