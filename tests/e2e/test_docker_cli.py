"""The stock docker CLI on our engine: every line that the first issue promises."""

import os
import pty
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import needs
from tests.engine_process import Engine

pytestmark = [needs.root, needs.binary("docker"), needs.overlay]

CLIENTS = sorted({path for path in ("/usr/bin/docker", "/usr/local/bin/docker") if os.access(path, os.X_OK)})


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One engine for the module."""
    with Engine(tmp_path_factory.mktemp("e2e")) as made:
        yield made
        assert [point for point in made.mounts() if "/netns/" not in point] == []


@pytest.fixture(params=CLIENTS or [shutil.which("docker") or "docker"])
def docker(engine: Engine, request: pytest.FixtureRequest) -> Engine:
    """The engine, asked by each generation of the CLI."""
    engine.client = request.param
    return engine


RUN = ("run", "--rm", "--network", "none")


def test_run_prints_what_the_container_prints(docker: Engine) -> None:
    done = docker.docker(*RUN, "busybox", "sh", "-c", "echo out; echo err >&2")
    assert (done.stdout, done.stderr) == ("out\n", "err\n")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("busybox", "true"), 0),
        (("busybox", "false"), 1),
        (("busybox", "sh", "-c", "exit 42"), 42),
        (("busybox", "no-such-program"), 127),
        (("busybox", "/etc/passwd"), 126),
        (("--runtime", "nope", "busybox", "true"), 125),
        (("--memory", "1k", "busybox", "true"), 125),
    ],
)
def test_exit_codes_are_dockers(docker: Engine, words: tuple[str, ...], code: int) -> None:
    assert docker.docker(*RUN, *words, check=False).returncode == code


def test_a_missing_program_is_named_in_runcs_words(docker: Engine) -> None:
    done = docker.docker(*RUN, "busybox", "no-such-program", check=False)
    assert 'exec: "no-such-program": executable file not found in $PATH' in done.stderr


def test_stdin_goes_in_and_its_end_is_seen(docker: Engine) -> None:
    assert docker.docker(*RUN, "-i", "busybox", "sh", "-c", "cat; echo end", stdin="in\n").stdout == "in\nend\n"


def test_a_container_from_start_to_removal(docker: Engine) -> None:
    script = 'trap "echo bye; exit 3" TERM; i=0; while true; do echo line $i; i=$((i+1)); sleep 0.05; done'
    docker.docker("run", "-d", "--network", "none", "--name", "life", "busybox", "sh", "-c", script)
    try:
        follow = subprocess.Popen(
            [docker.client, "-H", docker.host, "logs", "-f", "life"], stdout=subprocess.PIPE, text=True
        )
        assert docker.docker("exec", "life", "sh", "-c", "echo in; exit 5", check=False).returncode == 5
        assert docker.out(
            "exec", "-e", "A=b", "-w", "/tmp", "-u", "nobody", "life", "sh", "-c", "pwd; id -un; echo $A"
        ) == ("/tmp\nnobody\nb")
        assert "while true" in docker.out("top", "life")
        docker.docker("pause", "life")
        assert docker.out("inspect", "-f", "{{.State.Status}}", "life") == "paused"
        assert docker.docker("exec", "life", "true", check=False).returncode == 1
        docker.docker("unpause", "life")
        docker.docker("stop", "-t", "5", "life")
        output, _ = follow.communicate(timeout=30)
        assert output.startswith("line 0\nline 1\n")
        assert output.endswith("bye\n")
        assert docker.out("logs", "--tail", "1", "life") == "bye"
        assert docker.out("inspect", "-f", "{{.State.ExitCode}}", "life") == "3"
        assert docker.docker("exec", "life", "true", check=False).returncode == 1
    finally:
        docker.docker("rm", "-f", "life")
    assert docker.docker("inspect", "life", check=False).returncode == 1


def test_exec_of_what_is_not_there_is_127(docker: Engine) -> None:
    docker.docker("run", "-d", "--network", "none", "--name", "ex", "busybox", "sleep", "100")
    try:
        done = docker.docker("exec", "ex", "no-such-program", check=False)
        assert done.returncode == 127
        assert "executable file not found" in done.stdout + done.stderr
    finally:
        docker.docker("rm", "-f", "ex")


def _in_terminal(argv: list[str], script: list[tuple[bytes, bytes]]) -> tuple[str, int]:
    """Type each answer once its prompt has been seen; the output and the exit code."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execvp(argv[0], argv)
    output, end = b"", time.monotonic() + 20
    seen = 0
    while time.monotonic() < end:
        if script and script[0][0] in output[seen:]:
            seen = len(output)
            os.write(fd, script.pop(0)[1])
        if select.select([fd], [], [], 0.1)[0]:
            try:
                data = os.read(fd, 65536)
            except OSError:
                break
            if not data:
                break
            output += data
    os.close(fd)
    return output.decode(errors="replace"), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_terminal_has_a_size_and_passes_the_exit_code(docker: Engine) -> None:
    argv = [docker.client, "-H", docker.host, "run", "--rm", "-it", "--network", "none", "busybox", "sh"]
    output, code = _in_terminal(argv, [(b"# ", b"tty; echo T=$TERM\n"), (b"T=xterm", b"exit 6\n")])
    assert "/dev/pts/0" in output
    assert code == 6


def test_detaching_leaves_the_container_running_and_attaching_comes_back(docker: Engine) -> None:
    argv = [docker.client, "-H", docker.host]
    try:
        _, code = _in_terminal(
            [*argv, "run", "-it", "--name", "det", "--network", "none", "busybox", "sh"], [(b"# ", b"\x10\x11")]
        )
        assert code == 0
        assert docker.out("inspect", "-f", "{{.State.Running}}", "det") == "true"
        output, code = _in_terminal([*argv, "attach", "det"], [(b"# ", b"echo b''ack\n"), (b"back", b"exit 4\n")])
        assert "back" in output
        assert code == 4
    finally:
        docker.docker("rm", "-f", "det")


def test_volumes_binds_and_tmpfs(docker: Engine, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("from the host")
    flags = ["-v", f"{tmp_path}:/b:ro", "-v", "named:/v", "--tmpfs", "/t:size=1m"]
    script = "cat /b/f; touch /b/x || echo ' read-only'; echo kept > /v/f; df /t | tail -1"
    done = docker.docker(*RUN, *flags, "busybox", "sh", "-c", script)
    assert done.stdout.startswith("from the host read-only")
    assert "tmpfs" in done.stdout
    assert docker.out(*RUN, "-v", "named:/v", "busybox", "cat", "/v/f") == "kept"
    docker.docker("volume", "rm", "named")


def test_files_go_in_and_out(docker: Engine, tmp_path: Path) -> None:
    (tmp_path / "in").write_text("content")
    docker.docker("create", "--network", "none", "--name", "cp", "busybox", "sleep", "100")
    try:
        docker.docker("cp", str(tmp_path / "in"), "cp:/tmp/in")  # stopped
        docker.docker("start", "cp")
        assert docker.out("exec", "cp", "cat", "/tmp/in") == "content"
        docker.docker("exec", "cp", "sh", "-c", "mkdir /out; echo x > /out/f")
        docker.docker("cp", "cp:/out", str(tmp_path))  # running
        assert (tmp_path / "out" / "f").read_text() == "x\n"
        changes = docker.out("diff", "cp").splitlines()
        assert "A /out/f" in changes
        assert "A /tmp/in" in changes
        assert not [line for line in changes if "/etc/hosts" in line or ".dockerenv" in line]
    finally:
        docker.docker("rm", "-f", "cp")


def test_limits_and_rights_reach_the_kernel(docker: Engine) -> None:
    flags = ("--memory", "64m", "--cpus", "0.5", "--pids-limit", "50", "--ulimit", "nofile=123:456", "--hostname", "h")
    script = "ulimit -n; hostname; grep CapEff /proc/self/status; cat /proc/self/status | grep -i seccomp:; id -u"
    lines = docker.out(*RUN, *flags, "--cap-drop", "ALL", "-u", "nobody", "busybox", "sh", "-c", script).split("\n")
    assert lines[:2] == ["123", "h"]
    assert lines[2].split()[1] == "0" * 16
    assert lines[3].split()[1] == "2"
    assert lines[4] == "65534"


def test_a_restart_policy_counts(docker: Engine) -> None:
    docker.docker("run", "-d", "--network", "none", "--name", "again", "--restart", "on-failure:2", "busybox", "false")
    try:
        docker.until("2 exited", "inspect", "-f", "{{.RestartCount}} {{.State.Status}}", "again")
    finally:
        docker.docker("rm", "-f", "again")


def test_a_health_check_is_followed(docker: Engine) -> None:
    flags = ("--health-cmd", "test -e /tmp/ok", "--health-interval", "200ms", "--health-retries", "1")
    docker.docker("run", "-d", "--network", "none", "--name", "hc", *flags, "busybox", "sleep", "100")
    try:
        docker.until("unhealthy", "inspect", "-f", "{{.State.Health.Status}}", "hc")
        docker.docker("exec", "hc", "touch", "/tmp/ok")
        docker.until("healthy", "inspect", "-f", "{{.State.Health.Status}}", "hc")
    finally:
        docker.docker("rm", "-f", "hc")


def test_events_tell_the_story(docker: Engine) -> None:
    name = f"told-{CLIENTS.index(docker.client)}"  # the clients' turns may fall into one second
    begin = str(int(time.time()))
    docker.docker(*RUN, "--name", name, "busybox", "true")
    words = ("events", "--since", begin, "--until", str(time.time() + 0.1), "--filter", f"container={name}")
    actions = [line.split()[2] for line in docker.out(*words).splitlines()]
    wanted = ["create", "attach", "start", "die", "destroy"]
    assert [action for action in actions if action in wanted] == wanted


def test_names_prefixes_and_filters_find_containers(docker: Engine) -> None:
    identity = docker.out("create", "--network", "none", "--name", "found", "--label", "a=b", "busybox", "true")
    try:
        assert docker.out("ps", "-aq", "--no-trunc", "--filter", "label=a=b") == identity
        assert docker.out("ps", "-aq", "--no-trunc", "--filter", "name=fou") == identity
        assert docker.out("inspect", "-f", "{{.Name}}", identity[:10]) == "/found"
        done = docker.docker("run", "--network", "none", "--name", "found", "busybox", "true", check=False)
        assert done.returncode == 125
        assert 'The container name "/found" is already in use' in done.stderr
    finally:
        docker.docker("rm", "found")


def test_stats_and_update(docker: Engine) -> None:
    docker.docker("run", "-d", "--network", "none", "--name", "st", "busybox", "sleep", "100")
    try:
        line = docker.out("stats", "--no-stream", "--format", "{{.Name}} {{.PIDs}}", "st")
        assert line == "st 1"
        docker.docker("update", "--memory", "64m", "--memory-swap", "64m", "st")
        assert docker.out("inspect", "-f", "{{.HostConfig.Memory}}", "st") == str(64 << 20)
    finally:
        docker.docker("rm", "-f", "st")


def test_an_unhealthy_container_starts_again(engine: Engine) -> None:
    """Ours alone: dockerd leaves it as it is."""
    check = ("--health-cmd", "test ! -e /ill", "--health-interval", "200ms", "--health-retries", "2")
    flags = ("--restart", "on-unhealthy", "--stop-timeout", "1", "--network", "none", "--name", "ill")
    engine.docker("run", "-d", *check, *flags, "busybox", "sh", "-c", "rm -f /ill; exec sleep 100")
    engine.until("healthy", "inspect", "-f", "{{.State.Health.Status}}", "ill")
    engine.docker("exec", "ill", "touch", "/ill")
    engine.until("1", "inspect", "-f", "{{.RestartCount}}", "ill", timeout=15)
    engine.until("healthy", "inspect", "-f", "{{.State.Health.Status}}", "ill")
    engine.docker("rm", "-f", "ill")
