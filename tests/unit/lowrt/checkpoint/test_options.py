"""From the command line to criu's options."""

import os
from pathlib import Path
from typing import Any

import pytest

from lowrt.checkpoint.options import Options, checkpoint_options, common_request, restore_options
from lowrt.commands import checkpoint, restore
from lowrt.errors import Fault
from tests.fakes.lowrt_containers import values

NET = 0x40000000


def dump(*words: str) -> Options:
    return checkpoint_options(values(checkpoint.GRAMMAR, *words)[0])


def bring_back(*words: str) -> Options:
    return restore_options(values(restore.GRAMMAR, *words)[0])


def test_without_flags_the_image_is_below_the_callers_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    options = dump()
    assert (options.image, options.work, options.parent) == (f"{tmp_path}/checkpoint", "", "")
    assert not options.leave_running
    assert options.flags["empty_ns"] == NET
    assert options.flags["manage_cgroups_mode"] == 6
    assert options.status_fd == -1


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("--leave-running", "leave_running"),
        ("--tcp-established", "tcp_established"),
        ("--tcp-skip-in-flight", "tcp_skip_in_flight"),
        ("--link-remap", "link_remap"),
        ("--ext-unix-sk", "ext_unix_sk"),
        ("--shell-job", "shell_job"),
        ("--lazy-pages", "lazy_pages"),
        ("--file-locks", "file_locks"),
        ("--auto-dedup", "auto_dedup"),
    ],
)
def test_each_flag_of_a_checkpoint_reaches_criu(word: str, name: str) -> None:
    assert dump(word).flags[name] is True
    assert dump().flags[name] is False


@pytest.mark.parametrize("word", ["--tcp-established", "--ext-unix-sk", "--shell-job", "--file-locks", "--auto-dedup"])
def test_each_flag_of_a_restore_reaches_criu(word: str) -> None:
    assert bring_back(word).flags[word[2:].replace("-", "_")] is True


def test_security_labels_reach_criu_when_they_are_given() -> None:
    assert "lsm_profile" not in bring_back().flags
    options = bring_back("--lsm-profile", "apparmor:x", "--lsm-mount-context", "system_u:x")
    assert (options.flags["lsm_profile"], options.flags["lsm_mount_context"]) == ("apparmor:x", "system_u:x")


@pytest.mark.parametrize(("word", "number"), [("ignore", 0), ("soft", 3), ("full", 4), ("strict", 5)])
def test_a_mode_for_cgroups_is_criu_s_number(word: str, number: int) -> None:
    assert dump("--manage-cgroups-mode", word).flags["manage_cgroups_mode"] == number


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("--manage-cgroups-mode", "hard"), "invalid manage-cgroups-mode value"),
        (("--empty-ns", "pid"), 'namespace "pid" is not supported'),
        (("--page-server", "host"), "Use --page-server ADDRESS:PORT to specify page server"),
        (("--page-server", ":1"), "Use --page-server ADDRESS:PORT to specify page server"),
        (("--page-server", "host:"), "Use --page-server ADDRESS:PORT to specify page server"),
        (("--page-server", "host:http"), "Invalid port number"),
        (("--page-server", "host:70000"), "Invalid port number"),
        (("--parent-path", "/there"), "--parent-path must be relative"),
        (("--image-path", "/nowhere", "--parent-path", "p"), "invalid --parent-path: stat /nowhere/p: no such file"),
    ],
)
def test_what_makes_no_sense_is_refused_in_runcs_words(words: tuple[str, ...], error: str) -> None:
    with pytest.raises(Fault) as caught:
        dump(*words)
    assert str(caught.value).startswith(error)


@pytest.mark.parametrize(("text", "address"), [("10.0.0.1:27", "10.0.0.1"), ("[::1]:27", "::1")])
def test_a_page_server_is_an_address_and_a_port(text: str, address: str) -> None:
    assert dump("--page-server", text).flags["ps"] == {"address": address, "port": 27}


def test_a_parent_is_relative_to_the_image_and_has_memory_tracked(tmp_path: Path) -> None:
    (tmp_path / "before").mkdir()
    options = dump("--image-path", f"{tmp_path}/image", "--parent-path", "../before")
    assert options.parent == "../before"
    assert options.flags["parent_img"] == "../before"
    assert options.flags["track_mem"] is True


def test_a_parent_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "before").touch()
    with pytest.raises(Fault, match="not a directory"):
        dump("--image-path", f"{tmp_path}/image", "--parent-path", "../before")


@pytest.mark.parametrize(
    ("annotations", "config"),
    [
        ({}, "/etc/criu/runc.conf"),
        ({"org.criu.config": "/etc/mine.conf"}, "/etc/mine.conf"),
        ({"org.criu.config": ""}, None),
    ],
)
def test_the_configuration_file_is_the_usual_one_or_the_annotations(
    annotations: dict[str, str], config: str | None
) -> None:
    request: dict[str, Any] = common_request(Options("/i", "", {}), 4, "dump.log", annotations)
    assert request.get("config_file") == config
    assert (request["images_dir_fd"], request["log_file"]) == (4, "dump.log")


def test_relative_paths_are_the_callers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    options = bring_back("--image-path", "i", "--work-path", "w")
    assert (options.image, options.work) == (os.path.join(tmp_path, "i"), os.path.join(tmp_path, "w"))
