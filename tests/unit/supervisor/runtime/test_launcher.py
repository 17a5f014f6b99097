"""Running a shim's program; the programs here are shell scripts."""

import asyncio
import json
import os
from pathlib import Path

import pytest
from google.protobuf.any_pb2 import Any

from proto.containerd.runtime.task.v2.shim_pb2 import DeleteResponse
from proto.errdefs import Fault
from supervisor.background import Background
from supervisor.runtime.bootstrap import Daemon, Endpoint
from supervisor.runtime.bundle import Bundle, BundleRoots
from supervisor.runtime.launcher import Launcher
from supervisor.runtime.zygote import Outcome, Zygote, ZygoteUnavailable

DAEMON = Daemon("/run/s.sock", "/run/s.sock.ttrpc", "/usr/bin/sup", "2.3.0")


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return BundleRoots(str(tmp_path / "state"), str(tmp_path / "root")).create("ns", "c1", b"{}")


def script(tmp_path: Path, text: str, name: str = "containerd-shim-test-v2") -> str:
    path = tmp_path / name
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return str(path)


async def test_start_runs_in_the_bundle_with_the_protocols_environment(tmp_path: Path, bundle: Bundle) -> None:
    program = script(
        tmp_path,
        f'pwd > {tmp_path}/cwd; echo "$@" > {tmp_path}/argv; env > {tmp_path}/env; cat > {tmp_path}/stdin\n'
        f"ps -o pgid= -p $$ > {tmp_path}/group; echo $$ >> {tmp_path}/group; echo unix:///the/socket\n",
    )
    options = Any(type_url="containerd.runc.v1.Options", value=b"x")
    endpoint = await Launcher(DAEMON, extra_environment=["SCHED_CORE=1"]).start(bundle, program, options)
    assert endpoint == Endpoint("unix:///the/socket", 2, "ttrpc")
    assert (tmp_path / "cwd").read_text().strip() == bundle.path
    assert (tmp_path / "argv").read_text().split()[-3:] == ["-id", "c1", "start"]
    environment = dict(line.partition("=")[::2] for line in (tmp_path / "env").read_text().splitlines())
    assert environment["TTRPC_ADDRESS"] == "/run/s.sock.ttrpc"
    assert environment["NAMESPACE"] == "ns"
    assert environment["MAX_SHIM_VERSION"] == "2"
    assert environment["SCHED_CORE"] == "1"
    assert environment["PATH"] == os.environ["PATH"]
    assert (tmp_path / "stdin").read_bytes() == options.SerializeToString()
    group, pid = (tmp_path / "group").read_text().split()
    assert group == pid


async def test_where_the_shim_answers_is_kept_in_the_bundle(tmp_path: Path, bundle: Bundle) -> None:
    program = script(tmp_path, "echo unix:///the/socket\n")
    await Launcher(DAEMON).start(bundle, program, None)
    assert Path(bundle.shim_binary_path).read_text() == program
    assert json.loads(Path(bundle.bootstrap).read_text()) == {
        "version": 2,
        "address": "unix:///the/socket",
        "protocol": "ttrpc",
    }


async def test_the_words_of_a_start_that_failed_are_passed_on(tmp_path: Path, bundle: Bundle) -> None:
    program = script(tmp_path, "echo to stdout; echo to stderr >&2; exit 3\n")
    with pytest.raises(Fault) as caught:
        await Launcher(DAEMON).start(bundle, program, None)
    assert str(caught.value) == "start failed: to stdout\nto stderr: exit status 3"
    assert not os.path.exists(bundle.bootstrap)


async def test_a_start_killed_by_a_signal_says_so(tmp_path: Path, bundle: Bundle) -> None:
    with pytest.raises(Fault, match="signal: SIGKILL"):
        await Launcher(DAEMON).start(bundle, script(tmp_path, "kill -9 $$\n"), None)


async def test_programs_since_two_three_are_given_params(tmp_path: Path, bundle: Bundle) -> None:
    program = script(
        tmp_path,
        f'if [ "$1" = -v ]; then echo "  Version:  2.3.4"; exit; fi; cat > {tmp_path}/stdin; echo unix:///s\n',
        "containerd-shim-runc-v2",
    )
    await Launcher(DAEMON).start(bundle, program, None)
    assert b"/run/s.sock" in (tmp_path / "stdin").read_bytes()


async def test_delete_reads_how_the_task_ended(tmp_path: Path, bundle: Bundle) -> None:
    (tmp_path / "answer").write_bytes(DeleteResponse(pid=7, exit_status=9).SerializeToString())
    program = script(tmp_path, f'echo warning >&2; echo "$@" > {tmp_path}/argv; cat {tmp_path}/answer\n')
    response = await Launcher(DAEMON).delete(bundle, program, 5)
    assert (response.pid, response.exit_status) == (7, 9)
    assert (tmp_path / "argv").read_text().split()[-3:] == ["-bundle", bundle.path, "delete"]


@pytest.mark.parametrize(
    ("text", "words"), [("echo no >&2; exit 1\n", "no: exit status 1"), ("echo text\n", "printed no DeleteResponse")]
)
async def test_a_delete_that_failed_is_a_fault(tmp_path: Path, bundle: Bundle, text: str, words: str) -> None:
    with pytest.raises(Fault, match=words):
        await Launcher(DAEMON).delete(bundle, script(tmp_path, text), 5)


async def test_a_program_that_hangs_is_killed_with_its_group(tmp_path: Path, bundle: Bundle) -> None:
    program = script(tmp_path, f"sleep 60 & echo $! > {tmp_path}/child; wait\n")
    with pytest.raises(Fault, match=r"shim killed after 0\.3 seconds"):
        await Launcher(DAEMON).delete(bundle, program, 0.3)
    child = int((tmp_path / "child").read_text())
    async with asyncio.timeout(5):
        while os.path.exists(f"/proc/{child}/cwd"):
            await asyncio.sleep(0.02)


class FakeZygote(Zygote):
    """Answers as told, without a process."""

    def __init__(self, program: str, answer: Outcome | None) -> None:
        super().__init__(program, Background())
        self._fake_answer = answer
        self.asked: list[list[str]] = []

    async def run(self, arguments: list[str], cwd: str, environment: dict[str, str], stdin: bytes) -> Outcome:
        self.asked.append(arguments)
        if self._fake_answer is None:
            raise ZygoteUnavailable("none")
        return self._fake_answer


async def test_our_own_shim_starts_warm(tmp_path: Path, bundle: Bundle) -> None:
    program = script(tmp_path, "exit 1\n")
    zygote = FakeZygote(program, Outcome(0, b"unix:///warm", b""))
    assert (await Launcher(DAEMON, zygote).start(bundle, program, None)).address == "unix:///warm"
    assert zygote.asked[0][-1] == "start"


async def test_without_a_zygote_our_own_shim_starts_cold(tmp_path: Path, bundle: Bundle) -> None:
    program = script(tmp_path, "echo unix:///cold\n")
    launcher = Launcher(DAEMON, FakeZygote(program, None))
    assert (await launcher.start(bundle, program, None)).address == "unix:///cold"


async def test_other_shims_are_never_asked_of_the_zygote(tmp_path: Path, bundle: Bundle) -> None:
    zygote = FakeZygote("/other", Outcome(0, b"unix:///warm", b""))
    program = script(tmp_path, "echo unix:///cold\n")
    assert (await Launcher(DAEMON, zygote).start(bundle, program, None)).address == "unix:///cold"
    assert zygote.asked == []


async def test_a_clean_up_that_is_killed_is_run_again(tmp_path: Path, bundle: Bundle) -> None:
    program = script(tmp_path, f"test -e {tmp_path}/once && exit 0; touch {tmp_path}/once; kill -9 $$\n")
    assert await Launcher(DAEMON).delete(bundle, program, 30.0) == DeleteResponse()
