"""argv as a pure function, as runc has it."""

from shim import runtime_argv
from shim.runtime_argv import RuntimeSettings


def test_every_call_says_where_state_and_log_are() -> None:
    """Global flags first, then the verb."""
    settings = RuntimeSettings("runc", "/run/containerd/runc/moby", systemd_cgroup=True)
    assert settings.command("/b/log.json", "start", "c1") == [
        *("runc", "--root", "/run/containerd/runc/moby", "--log", "/b/log.json", "--log-format", "json"),
        *("--systemd-cgroup", "start", "c1"),
    ]


def test_create_with_everything() -> None:
    """The id comes last."""
    words = runtime_argv.create("c1", "/b", "/b/init.pid", console_socket="/s", no_pivot=True, no_new_keyring=True)
    assert words == [
        *("create", "--bundle", "/b", "--pid-file", "/b/init.pid", "--console-socket", "/s"),
        *("--no-pivot", "--no-new-keyring", "c1"),
    ]


def test_create_with_nothing_more() -> None:
    """No flag that was not asked for."""
    assert runtime_argv.create("c1", "/b", "/p") == ["create", "--bundle", "/b", "--pid-file", "/p", "c1"]


def test_exec_is_left_running() -> None:
    """Detached, with a pid file."""
    assert runtime_argv.exec_("c1", "/p.json", "/e.pid") == [
        *("exec", "--process", "/p.json", "--detach", "--pid-file", "/e.pid", "c1")
    ]


def test_kill_of_all_and_of_one() -> None:
    """The signal is a number."""
    assert runtime_argv.kill("c1", 15) == ["kill", "c1", "15"]
    assert runtime_argv.kill("c1", 9, everyone=True) == ["kill", "--all", "c1", "9"]


def test_the_others() -> None:
    """delete, ps, update."""
    assert runtime_argv.delete("c1", force=True) == ["delete", "--force", "c1"]
    assert runtime_argv.ps("c1") == ["ps", "--format", "json", "c1"]
    assert runtime_argv.update("c1") == ["update", "--resources", "-", "c1"]


def test_checkpoint_and_restore_name_their_image() -> None:
    """criu's flags are passed as they are."""
    words = runtime_argv.checkpoint(
        "c1", "/img", "/work", leave_running=True, flags=["--shell-job"], empty_namespaces=["network"], parent="/p"
    )
    assert words == [
        *("checkpoint", "--image-path", "/img", "--work-path", "/work", "--parent-path", "/p", "--leave-running"),
        *("--empty-ns", "network", "--shell-job", "c1"),
    ]
    assert runtime_argv.restore("c1", "/b", "/pid", image="/img", work="/w", no_pivot=True) == [
        *("restore", "--image-path", "/img", "--work-path", "/w", "--no-pivot", "--detach", "--no-subreaper"),
        *("--pid-file", "/pid", "--bundle", "/b", "c1"),
    ]
