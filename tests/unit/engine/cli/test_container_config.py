"""Flags of run and create → the request's body."""

from pathlib import Path
from typing import Any

import click
import pytest

from engine.cli.container_config import create_body, environment, restart_policy
from engine.cli.container_flags import container_flags
from engine.cli.errors import CommandFailed
from engine.cli.grammar import Command


def body(*words: str, detach: bool = False) -> dict[str, Any]:
    """The body that a command line gives."""
    made: dict[str, Any] = {}

    @click.command(cls=Command, raw_tail=True)
    @container_flags
    @click.argument("image")
    @click.argument("command", nargs=-1, type=click.UNPROCESSED)
    def command(image: str, command: tuple[str, ...], **flags: Any) -> None:
        made.update(create_body(image, command, flags, detach=detach))

    command.main(list(words), standalone_mode=False)
    return made


def test_only_what_was_said_is_sent() -> None:
    """The daemon's defaults are the daemon's."""
    assert body("busybox", "echo", "-n", "hi") == {
        "Image": "busybox",
        "Cmd": ["echo", "-n", "hi"],
        "AttachStdout": True,
        "AttachStderr": True,
        "HostConfig": {"NetworkMode": "default"},
    }


def test_an_interactive_container_gets_its_input_once() -> None:
    """A detached one keeps it open for whoever attaches."""
    attached, detached = body("-i", "x"), body("-i", "x", detach=True)
    assert (attached["OpenStdin"], attached["StdinOnce"], attached["AttachStdin"]) == (True, True, True)
    assert detached["OpenStdin"] is True
    assert "StdinOnce" not in detached
    assert "AttachStdout" not in detached


def test_resources_are_numbers() -> None:
    """Sizes are binary, processors are billionths."""
    host = body("-m", "64m", "--cpus", "1.5", "--memory-swap", "-1", "--pids-limit", "10", "x")["HostConfig"]
    assert (host["Memory"], host["NanoCpus"], host["MemorySwap"], host["PidsLimit"]) == (
        64 << 20,
        1_500_000_000,
        -1,
        10,
    )


def test_mounts_volumes_and_tmpfs_each_have_their_place() -> None:
    """An anonymous volume is a key of Config.Volumes."""
    made = body("-v", "/a:/b:ro", "-v", "/anon", "--tmpfs", "/t:size=1m", "--mount", "type=bind,src=/x,dst=/y,ro", "x")
    assert made["Volumes"] == {"/anon": {}}
    assert made["HostConfig"]["Binds"] == ["/a:/b:ro"]
    assert made["HostConfig"]["Tmpfs"] == {"/t": "size=1m"}
    assert made["HostConfig"]["Mounts"] == [{"Type": "bind", "Source": "/x", "Target": "/y", "ReadOnly": True}]


def test_a_health_check_is_a_shell_command_with_nanoseconds() -> None:
    """And none at all when that is asked."""
    check = body("--health-cmd", "true", "--health-interval", "1m30s", "--health-retries", "2", "x")["Healthcheck"]
    assert check == {"Test": ["CMD-SHELL", "true"], "Interval": 90 * 10**9, "Retries": 2}
    assert body("--no-healthcheck", "x")["Healthcheck"] == {"Test": ["NONE"]}


def test_an_empty_entrypoint_forgets_the_image_s() -> None:
    """It is a list of one empty word."""
    assert body("--entrypoint", "", "x")["Entrypoint"] == [""]
    assert body("--entrypoint", "/sh", "x")["Entrypoint"] == ["/sh"]


def test_the_long_form_of_network_carries_addresses_and_aliases() -> None:
    """They belong to the endpoint."""
    made = body("--network", "name=n,alias=a,ip=10.0.0.2", "x")
    assert made["HostConfig"]["NetworkMode"] == "n"
    assert made["NetworkingConfig"] == {
        "EndpointsConfig": {"n": {"Aliases": ["a"], "IPAMConfig": {"IPv4Address": "10.0.0.2"}}}
    }


def test_devices_ulimits_and_gpus_are_objects() -> None:
    """As the API has them."""
    host = body("--device", "/dev/fuse:/f:r", "--ulimit", "nofile=1:2", "--gpus", "all", "x")["HostConfig"]
    assert host["Devices"] == [{"PathOnHost": "/dev/fuse", "PathInContainer": "/f", "CgroupPermissions": "r"}]
    assert host["Ulimits"] == [{"Name": "nofile", "Soft": 1, "Hard": 2}]
    assert host["DeviceRequests"][0]["Count"] == -1


def test_a_seccomp_profile_is_sent_by_content(tmp_path: Path) -> None:
    """The daemon must not open a file that the client names."""
    profile = tmp_path / "p.json"
    profile.write_text('{"defaultAction": "SCMP_ACT_ALLOW"}')
    host = body("--security-opt", f"seccomp={profile}", "--security-opt", "no-new-privileges", "x")["HostConfig"]
    assert host["SecurityOpt"] == ['seccomp={"defaultAction":"SCMP_ACT_ALLOW"}', "no-new-privileges"]


def test_the_environment_comes_from_files_words_and_the_caller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bare name takes the caller's value, or is left out."""
    file = tmp_path / "env"
    file.write_text("# comment\nA=1\n\nHERE\n")
    monkeypatch.setenv("HERE", "yes")
    monkeypatch.delenv("GONE", raising=False)
    assert environment([str(file)], ["B=2=3", "GONE"]) == ["A=1", "HERE=yes", "B=2=3"]


@pytest.mark.parametrize(
    "words",
    [
        ("--ulimit", "nofile", "x"),
        ("--restart", "on-failure:x", "x"),
        ("--memory", "64q", "x"),
        ("--cpus", "many", "x"),
        ("--env-file", "/nonexistent", "x"),
        ("--device-read-bps", "sda:1", "x"),
        ("--network", "name=n,color=red", "x"),
        ("-a", "stdfoo", "x"),
        ("--no-healthcheck", "--health-cmd", "true", "x"),
        ("--device", "/a:/b:r:w", "x"),
        ("--security-opt", "bad", "x"),
        ("--add-host", "bad", "x"),
        ("--dns", "bad", "x"),
    ],
)
def test_what_is_wrong_is_refused_with_125(words: tuple[str, ...]) -> None:
    """Before the daemon hears of it."""
    with pytest.raises(CommandFailed) as caught:
        body(*words)
    assert caught.value.exit_code == 125


def test_a_restart_policy_may_count() -> None:
    """Only on-failure does, in practice."""
    assert restart_policy("on-failure:3") == {"Name": "on-failure", "MaximumRetryCount": 3}
    assert restart_policy("always") == {"Name": "always", "MaximumRetryCount": 0}
