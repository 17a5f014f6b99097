"""What each option of checkpoint and restore allows, and what is refused without it: asked of lowrt and of runc.

criu does the work and decides; runc beside it is the yardstick.
"""

import os
import pty
import select
import socket
import subprocess
from pathlib import Path

import pytest

from tests.contract.checkpoint import COUNTER, call, last_error, pipes, succeed, wait_until
from tests.contract.oci_runtime import Bundles, Json, Runtime


class Options:
    """Each is left out first, where criu then says no."""

    @pytest.fixture
    def image(self, tmp_path: Path) -> tuple[str, ...]:
        return ("--image-path", str(tmp_path / "image"))

    def test_file_locks(self, runtime: Runtime, bundles: Bundles, image: tuple[str, ...]) -> None:
        """By flock(1) of the host, which busybox has not."""

        def bind(document: Json) -> None:
            for folder in filter(os.path.isdir, ("/usr", "/lib", "/lib64")):
                document["mounts"].append(
                    {"source": os.path.realpath(folder), "destination": folder, "options": ["rbind", "ro"]}
                )

        bundle = bundles.sh("/usr/bin/flock /tmp/lock sh -c 'echo > /tmp/locked; while :; do sleep 1; done'", bind)
        succeed(runtime, "run", "-d", "-b", bundle, "c1")
        wait_until(lambda: runtime("exec", "c1", "test", "-e", "/tmp/locked").code == 0, "it has no lock")
        assert call(runtime, "checkpoint", *image, "c1") == 1
        assert "file-locks" in (Path(image[1]) / "dump.log").read_text()
        succeed(runtime, "checkpoint", "--file-locks", *image, "c1")
        succeed(runtime, "restore", "-d", "--file-locks", *image, "-b", bundle, "c1")
        assert runtime("exec", "c1", "/usr/bin/flock", "-n", "/tmp/lock", "true").code == 1

    def test_ext_unix_sk(self, runtime: Runtime, bundles: Bundles, image: tuple[str, ...], tmp_path: Path) -> None:
        """Its output is a datagram socket, whose other end is the host's, under a name that both see."""
        folder = tmp_path / "s"
        folder.mkdir()

        def bind(document: Json) -> None:
            mount = {"source": str(folder), "destination": str(folder), "options": ["rbind"]}
            document["mounts"].append(mount)
            document["linux"]["namespaces"].remove({"type": "network"})  # sockets belong to one

        bundle = bundles.sh(COUNTER, bind)
        kind = socket.AF_UNIX, socket.SOCK_DGRAM
        with socket.socket(*kind) as server, socket.socket(*kind) as client, pipes() as stream:
            server.bind(str(folder / "log"))
            server.settimeout(30)
            client.connect(str(folder / "log"))

            def say(word: str) -> str:
                stream.say(word)
                return server.recv(100).decode().strip()

            streams = {"stdin": stream.theirs["stdin"], "stdout": client, "stderr": subprocess.DEVNULL}
            succeed(runtime, "run", "-d", "-b", bundle, "c1", streams=streams)
            assert say("a") == "1 a"
            assert call(runtime, "checkpoint", *image, "c1") == 1
            assert "ext-unix-sk" in runtime.log.read_text() + (Path(image[1]) / "dump.log").read_text()
            assert say("b") == "2 b"
            succeed(runtime, "checkpoint", "--ext-unix-sk", *image, "c1")
            streams |= {"stdout": subprocess.DEVNULL}
            succeed(runtime, "restore", "-d", "--ext-unix-sk", *image, "-b", bundle, "c1", streams=streams)
            assert say("c") == "3 c"

    def test_shell_job(self, runtime: Runtime, bundles: Bundles, image: tuple[str, ...]) -> None:
        """Its streams are a terminal of the caller's."""
        bundle = bundles.sh(COUNTER)
        master, slave = pty.openpty()
        try:
            streams = {"stdin": slave, "stdout": slave, "stderr": slave}
            succeed(runtime, "run", "-d", "-b", bundle, "c1", streams=streams)
            os.write(master, b"a\n")
            read_until(master, b"1 a")
            assert call(runtime, "checkpoint", *image, "c1") == 1
            succeed(runtime, "checkpoint", "--shell-job", *image, "c1")
            # Only a session whose leader is left out can be somebody's job, and a container's never is.
            words = ("restore", "-d", "--shell-job", *image, "-b", bundle, "c1")
            assert call(runtime, *words, streams=streams) == 1
            assert runtime("state", "c1").code == 1
        finally:
            runtime("delete", "--force", "c1")
            os.close(master)
            os.close(slave)

    def test_link_remap(self, runtime: Runtime, bundles: Bundles, image: tuple[str, ...], tmp_path: Path) -> None:
        """A file is open whose name is gone, while it has another."""
        data = tmp_path / "data"
        data.mkdir()
        mount = {"source": str(data), "destination": "/data", "options": ["rbind"]}
        script = (
            "cd /data; echo text >one; busybox ln one two; exec 8<one; busybox rm one; cd /; read word; "
            "read line <&8; echo $line; read word"
        )
        bundle = bundles.sh(script, lambda d: d["mounts"].append(mount))
        with pipes() as stream:
            succeed(runtime, "run", "-d", "-b", bundle, "c1", streams=stream.theirs)
            wait_until(lambda: (data / "two").exists() and not (data / "one").exists(), "no link")
            assert call(runtime, "checkpoint", *image, "c1") == 1
            succeed(runtime, "checkpoint", "--link-remap", *image, "c1")
            succeed(runtime, "restore", "-d", *image, "-b", bundle, "c1", streams=stream.theirs)
            assert stream.ask("go") == "text"

    @pytest.mark.parametrize("mode", ["soft", "full", "ignore"])
    def test_manage_cgroups_mode(self, runtime: Runtime, bundles: Bundles, image: tuple[str, ...], mode: str) -> None:
        bundle = bundles.sh(COUNTER)
        words = ("--manage-cgroups-mode", mode, *image)
        with pipes() as stream:
            succeed(runtime, "run", "-d", "-b", bundle, "c1", streams=stream.theirs)
            assert stream.ask("a") == "1 a"
            succeed(runtime, "checkpoint", *words, "c1")
            succeed(runtime, "restore", "-d", *words, "-b", bundle, "c1", streams=stream.theirs)
            assert stream.ask("b") == "2 b"

    def test_manage_cgroups_mode_strict(self, runtime: Runtime, bundles: Bundles, image: tuple[str, ...]) -> None:
        """criu wants to make all cgroups itself then, and a runtime has made the container's."""
        bundle = bundles()
        words = ("--manage-cgroups-mode", "strict", *image)
        succeed(runtime, "run", "-d", "-b", bundle, "c1")
        succeed(runtime, "checkpoint", *words, "c1")
        assert call(runtime, "restore", "-d", *words, "-b", bundle, "c1") == 1
        assert "Abort restore of existing cgroups" in runtime.log.read_text()
        assert runtime("state", "c1").code == 1

    @pytest.mark.parametrize("verb", ["checkpoint", "restore"])
    def test_words_that_are_none_are_refused(
        self, runtime: Runtime, bundles: Bundles, image: tuple[str, ...], verb: str
    ) -> None:
        bundle = bundles()
        succeed(runtime, "run", "-d", "-b", bundle, "c1")
        if verb == "restore":
            succeed(runtime, "checkpoint", *image, "c1")
        rest = (*image, *(("-d", "-b", bundle) if verb == "restore" else ()), "c1")
        for words, why in (
            (("--manage-cgroups-mode", "hard"), "invalid manage-cgroups-mode value"),
            (("--empty-ns", "user"), 'namespace "user" is not supported'),
        ):
            assert call(runtime, verb, *words, *rest) == 1
            assert last_error(runtime).startswith(why)

    def test_empty_ns(self, runtime: Runtime, bundles: Bundles, image: tuple[str, ...]) -> None:
        bundle = bundles.sh(COUNTER)
        words = ("--empty-ns", "network", *image)
        with pipes() as stream:
            succeed(runtime, "run", "-d", "-b", bundle, "c1", streams=stream.theirs)
            assert stream.ask("a") == "1 a"
            succeed(runtime, "checkpoint", *words, "c1")
            succeed(runtime, "restore", "-d", *words, "-b", bundle, "c1", streams=stream.theirs)
            assert stream.ask("b") == "2 b"

    def test_auto_dedup(self, runtime: Runtime, bundles: Bundles, image: tuple[str, ...]) -> None:
        """What has been restored is cut out of the image."""
        bundle = bundles.sh(COUNTER)
        with pipes() as stream:
            succeed(runtime, "run", "-d", "-b", bundle, "c1", streams=stream.theirs)
            assert stream.ask("a") == "1 a"
            succeed(runtime, "checkpoint", "--auto-dedup", *image, "c1")
            before = pages(image)
            succeed(runtime, "restore", "-d", "--auto-dedup", *image, "-b", bundle, "c1", streams=stream.theirs)
            assert stream.ask("b") == "2 b"
        assert pages(image) < before

    def test_tcp_skip_in_flight(self, runtime: Runtime, bundles: Bundles, image: tuple[str, ...]) -> None:
        bundle = bundles.sh(COUNTER)
        with pipes() as stream:
            succeed(runtime, "run", "-d", "-b", bundle, "c1", streams=stream.theirs)
            assert stream.ask("a") == "1 a"
            succeed(runtime, "checkpoint", "--tcp-skip-in-flight", *image, "c1")
            succeed(runtime, "restore", "-d", *image, "-b", bundle, "c1", streams=stream.theirs)
            assert stream.ask("b") == "2 b"

    def test_labels(self, runtime: Runtime, bundles: Bundles, image: tuple[str, ...]) -> None:
        """Where the kernel has no such modules; criu has nothing to do with a mount's label then."""
        bundle = bundles()
        succeed(runtime, "run", "-d", "-b", bundle, "c1")
        succeed(runtime, "checkpoint", *image, "c1")
        words = ("restore", "-d", *image, "-b", bundle)
        assert call(runtime, *words, "--lsm-profile", "apparmor:mine", "c1") == 1
        assert runtime("state", "c1").code == 1
        succeed(runtime, *words, "--lsm-mount-context", "system_u:object_r:mine_t:s0", "c1")


def read_until(fd: int, wanted: bytes) -> None:
    text = b""
    while wanted not in text:
        assert select.select([fd], [], [], 30)[0], text
        text += os.read(fd, 4096)


def pages(image: tuple[str, ...]) -> int:
    """How much of the disk the memory takes."""
    return sum(file.stat().st_blocks for file in Path(image[1]).glob("pages-*.img"))
