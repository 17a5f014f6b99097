"""Checkpoints: the contract, asked of lowrt and of runc, and what only lowrt promises."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests import needs
from tests.contract import checkpoint as contract
from tests.contract import checkpoint_options as contract_options
from tests.contract.checkpoint import COUNTER, call, last_error, pipes, succeed
from tests.contract.oci_runtime import Bundles, Runtime, listening, receive_master
from tests.criu_program import path_with_criu
from tests.integration.lowrt.runtimes import bundles, command_of, lowrt, rootfs

__all__ = ["bundles", "lowrt", "rootfs"]  # fixtures

pytestmark = [needs.root, needs.binary("busybox")]


@pytest.fixture(autouse=True)
def _criu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", path_with_criu())


@pytest.fixture(params=["lowrt", "runc"])
def runtime(
    request: pytest.FixtureRequest, tmp_path: Path, rootfs: Path, bundles: Bundles, _criu: None
) -> Iterator[Runtime]:
    del bundles  # named so that it ends after us: its cgroups go last
    name: str = request.param
    runtime = Runtime(name, command_of(name, rootfs), tmp_path, words=True)
    yield runtime
    runtime.clean_up()


class TestCheckpoints(contract.Checkpoints):
    """See tests/contract."""


class TestOptions(contract_options.Options):
    """See tests/contract."""


@pytest.mark.parametrize(("dumper", "restorer"), [("lowrt", "runc"), ("runc", "lowrt")])
def test_an_image_of_the_one_is_restored_by_the_other(
    tmp_path: Path, rootfs: Path, bundles: Bundles, dumper: str, restorer: str
) -> None:
    runtimes = {}
    for name in (dumper, restorer):
        (tmp_path / name).mkdir()
        runtimes[name] = Runtime(name, command_of(name, rootfs), tmp_path / name, words=True)
    bundle, image = bundles.sh(COUNTER), ("--image-path", str(tmp_path / "image"))
    try:
        with pipes() as stream:
            succeed(runtimes[dumper], "run", "-d", "-b", bundle, "c1", streams=stream.theirs)
            assert stream.ask("a") == "1 a"
            succeed(runtimes[dumper], "checkpoint", *image, "c1")
            succeed(runtimes[restorer], "restore", "-d", *image, "-b", bundle, "c1", streams=stream.theirs)
            assert stream.ask("b") == "2 b"
    finally:
        for runtime in runtimes.values():
            runtime.clean_up()


def test_the_loopback_device_is_up_again(lowrt: Runtime, bundles: Bundles, tmp_path: Path) -> None:
    bundle, image = bundles(), ("--image-path", str(tmp_path / "image"))
    succeed(lowrt, "run", "-d", "-b", bundle, "c1")
    succeed(lowrt, "checkpoint", *image, "c1")
    succeed(lowrt, "restore", "-d", *image, "-b", bundle, "c1")
    assert "127.0.0.1" in lowrt("exec", "c1", "ip", "-4", "address", "show", "lo").out


def test_clocks_go_on_also_for_who_enters(lowrt: Runtime, bundles: Bundles, tmp_path: Path) -> None:
    bundle, image = bundles(), ("--image-path", str(tmp_path / "image"))
    succeed(lowrt, "run", "-d", "-b", bundle, "c1")
    succeed(lowrt, "checkpoint", *image, "c1")
    succeed(lowrt, "restore", "-d", *image, "-b", bundle, "c1")
    inside = lowrt("exec", "c1", "readlink", "/proc/self/ns/time").out.strip()
    assert inside == os.readlink(f"/proc/{lowrt.state('c1')['pid']}/ns/time")


def test_without_criu_both_are_refused_and_the_container_goes_on(
    lowrt: Runtime, bundles: Bundles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    succeed(lowrt, "run", "-d", "-b", bundles(), "c1")
    image = ("--image-path", str(tmp_path / "image"))
    succeed(lowrt, "checkpoint", "--leave-running", *image, "c1")
    monkeypatch.setenv("PATH", "/nowhere")
    words = 'CRIU version check failed: exec: "criu": executable file not found in $PATH'
    assert call(lowrt, "checkpoint", *image, "c1") == 1
    assert last_error(lowrt) == words
    assert lowrt.state("c1")["status"] == "running"
    assert call(lowrt, "restore", "-d", *image, "-b", bundles(), "c2") == 1
    assert last_error(lowrt) == words
    assert lowrt("state", "c2").code == 1


def test_a_terminal_in_the_image_and_none_in_the_configuration_is_a_clear_error(
    lowrt: Runtime, bundles: Bundles, tmp_path: Path
) -> None:
    with listening(tmp_path / "socket") as server:
        bundle = bundles(change=lambda d: d["process"].update(terminal=True))
        words = lowrt.argv("run", "-d", "-b", bundle, "--console-socket", str(tmp_path / "socket"), "c1")
        with subprocess.Popen(words, **contract.NULL) as process:
            master = receive_master(server)
            assert process.wait(30) == 0
    image = ("--image-path", str(tmp_path / "image"))
    succeed(lowrt, "checkpoint", *image, "c1")
    os.close(master)
    assert call(lowrt, "restore", "-d", *image, "-b", bundles(), "c2") == 1
    assert last_error(lowrt) == "the checkpoint has a terminal, and the configuration has none"
    assert lowrt("state", "c2").code == 1


TALKERS = (
    "busybox mkfifo /tmp/in; exec 7<>/tmp/in; busybox nc -l -p 9999 -e /bin/cat & "
    "until busybox nc 127.0.0.1 9999 </tmp/in >/tmp/out; do sleep 0.1; done & "
    "while :; do echo word >&7; sleep 0.1; done"
)


def test_a_connection_is_refused_unless_it_is_allowed_and_then_goes_on(
    lowrt: Runtime, bundles: Bundles, tmp_path: Path
) -> None:
    """It is one over the container's loopback device, which is up again."""
    bundle, image = bundles.sh(TALKERS), ("--image-path", str(tmp_path / "image"))
    succeed(lowrt, "run", "-d", "-b", bundle, "c1")

    def received() -> int:
        return int(lowrt("exec", "c1", "busybox", "stat", "-c", "%s", "/tmp/out").out or 0)

    contract.wait_until(lambda: received() > 0, "the two do not find each other")
    assert call(lowrt, "checkpoint", *image, "c1") == 1
    assert "consider using --tcp-established option" in lowrt.log.read_text()
    succeed(lowrt, "checkpoint", "--tcp-established", *image, "c1")
    succeed(lowrt, "restore", "-d", "--tcp-established", *image, "-b", bundle, "c1")
    before = received()
    contract.wait_until(lambda: received() > before, "nothing comes through the connection any more")


def test_killed_in_the_middle_of_a_restore_it_leaves_what_delete_removes(
    lowrt: Runtime, bundles: Bundles, tmp_path: Path
) -> None:
    """SIGKILL at the first call of some of its functions; criu goes on for a while, in the container's cgroup."""
    bundle, image = bundles(), str(tmp_path / "image")
    succeed(lowrt, "run", "-d", "-b", bundle, "c1")
    succeed(lowrt, "checkpoint", "--image-path", image, "c1")
    words = lowrt.argv("restore", "-d", "--image-path", image, "-b", bundle)[3:]
    harness = [sys.executable, "-IS", str(Path(__file__).with_name("killed.py")), "parent"]

    def restore(number: int, name: str) -> tuple[int, str]:
        with (tmp_path / "said").open("w+") as err:
            command = [*harness, str(number), *words, name]
            streams = {**contract.NULL, "stderr": err}
            code = subprocess.run(command, check=False, timeout=60, **streams).returncode
            err.seek(0)
            return code, err.read()

    code, text = restore(0, "whole")
    assert code == 0, text
    count = int(text.split()[-1])
    cgroup = json.loads(Path(bundle, "config.json").read_text())["linux"]["cgroupsPath"]
    assert lowrt("delete", "--force", "whole").code == 0
    for part in (75, 90, 97):
        name = f"c{part}"
        assert restore(count * part // 100, name)[0] == -signal.SIGKILL
        gone = lowrt("delete", "--force", name)
        assert (gone.code, gone.err) == (0, ""), f"{part} %: {gone.err}"
        assert not (lowrt.root / "state" / name).exists()
        contract.wait_until(lambda: not processes_in(cgroup), f"{part} %: {processes_in(cgroup)}")
        assert not Path(f"/sys/fs/cgroup/devices{cgroup}").exists(), f"{part} %"
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()


def processes_in(cgroup: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cgroup"):
        with suppress(OSError):
            if cgroup in path.read_text():
                found.append(path.parent.name)
    return found


def test_the_host_never_sees_what_criu_mounts(lowrt: Runtime, bundles: Bundles, tmp_path: Path) -> None:
    """Whoever looks for cgroup hierarchies meanwhile would take criu's for the host's. The kernel tells of changes."""
    with open("/proc/self/mountinfo", "rb") as mountinfo:
        poller = select.poll()
        poller.register(mountinfo, select.POLLPRI)
        seen: list[bytes] = []
        bundle, image = bundles(), ("--image-path", str(tmp_path / "image"))
        succeed(lowrt, "run", "-d", "-b", bundle, "c1")
        for words in (("checkpoint", *image, "c1"), ("restore", "-d", *image, "-b", bundle, "c1")):
            with subprocess.Popen(lowrt.argv(*words), **contract.NULL) as process:
                while process.poll() is None:
                    if poller.poll(20):
                        mountinfo.seek(0)
                        seen += [line for line in mountinfo.read().splitlines() if str(tmp_path).encode() in line]
            assert process.returncode == 0, lowrt.log.read_text()
    assert seen == []
