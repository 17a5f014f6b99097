"""criu as a process, played by a script."""

import os
from pathlib import Path
from typing import Any

import pytest

from lowrt.checkpoint import messages
from lowrt.checkpoint.criu import FIRST_EXTRA_FD, Criu, CriuError
from lowrt.errors import Fault
from tests.fakes.lowrt_containers import ListLog
from tests.fakes.lowrt_criu import VERSION, FakeCriu

Json = dict[str, Any]


@pytest.fixture
def log() -> ListLog:
    return ListLog()


def nothing(script: str, notification: Json, fds: list[int]) -> None:
    raise AssertionError((script, notification, fds))


def test_it_is_asked_for_its_version_and_goes_on(criu: FakeCriu, log: ListLog) -> None:
    criu.install(VERSION, {"type": "DUMP"})
    process = Criu.start(log)
    assert process.ask_version() == 40201
    process.work(messages.DUMP, {"images_dir_fd": 5, "leave_running": True}, nothing)
    assert process.close() == 0
    assert criu.requests() == [
        {"type": messages.VERSION, "keep_open": True},
        {"type": messages.DUMP, "opts": {"images_dir_fd": 5, "leave_running": True}},
    ]


def test_notifications_are_handled_and_answered_with_what_came_along(criu: FakeCriu, log: ListLog) -> None:
    notify = {"type": "NOTIFY", "notify": {"script": "orphan-pts-master", "pid": 3}, "fd": True}
    criu.install(notify, {"type": "RESTORE"})
    told: list[Any] = []

    def handle(script: str, notification: Json, fds: list[int]) -> None:
        told.append((script, notification["pid"], [os.readlink(f"/proc/self/fd/{fd}") for fd in fds]))

    process = Criu.start(log)
    process.work(messages.RESTORE, {"images_dir_fd": 5}, handle)
    process.close()
    assert told == [("orphan-pts-master", 3, ["/dev/null"])]
    assert criu.requests()[1] == {"type": messages.NOTIFY, "notify_success": True}


def test_a_refusal_is_in_runcs_words(criu: FakeCriu, log: ListLog) -> None:
    criu.install({"type": "DUMP", "success": False, "cr_errno": 1, "cr_errmsg": "an early warning"})
    process = Criu.start(log)
    with pytest.raises(CriuError, match=r"^criu failed: type DUMP errno 1$"):
        process.work(messages.DUMP, {"images_dir_fd": 5}, nothing)
    process.close()


def test_a_handler_that_fails_ends_it(criu: FakeCriu, log: ListLog) -> None:
    criu.install({"type": "NOTIFY", "notify": {"script": "setup-namespaces"}}, {"type": "RESTORE"})

    def fail(*_: object) -> None:
        raise Fault("the hook failed")

    process = Criu.start(log)
    with pytest.raises(Fault, match="the hook failed"):
        process.work(messages.RESTORE, {"images_dir_fd": 5}, fail)
    assert process.close() == 1


def test_a_sudden_death_is_told(criu: FakeCriu, log: ListLog) -> None:
    criu.install(VERSION, None)
    process = Criu.start(log)
    process.ask_version()
    with pytest.raises(CriuError, match="criu died unexpectedly"):
        process.work(messages.DUMP, {"images_dir_fd": 5}, nothing)
    assert process.close() == 1


def test_one_that_is_too_old_is_refused(criu: FakeCriu, log: ListLog) -> None:
    criu.install({"type": "VERSION", "version": {"major_number": 2, "minor_number": 12}})
    process = Criu.start(log)
    with pytest.raises(Fault, match="CRIU version 21200 must be 30000 or higher"):
        process.ask_version()
    process.close()


def test_a_feature_that_is_missing_is_named(criu: FakeCriu, log: ListLog) -> None:
    criu.install(
        {"type": "FEATURE_CHECK", "features": {"mem_track": True}},
        {"type": "FEATURE_CHECK", "features": {"lazy_pages": False}},
    )
    process = Criu.start(log)
    process.require("mem_track", "MemTrack")
    with pytest.raises(Fault, match=r"criu is missing features: \[LazyPages\]"):
        process.require("lazy_pages", "LazyPages")
    process.close()


def test_without_criu_the_error_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: ListLog) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Fault, match=r'CRIU version check failed: exec: "criu": executable file not found in \$PATH'):
        Criu.start(log)


def test_what_cannot_be_prepared_is_told_and_nothing_runs(criu: FakeCriu, log: ListLog) -> None:
    criu.install()

    def fail() -> list[int]:
        raise Fault("no root to offer")

    with pytest.raises(Fault, match="no root to offer"):
        Criu.start(log, prepare=fail)
    assert not (criu.folder / "requests").exists()


def test_it_gets_stdio_its_descriptors_and_those_that_were_prepared(
    criu: FakeCriu, log: ListLog, tmp_path: Path
) -> None:
    criu.install(VERSION)
    reading, writing = os.pipe()
    first = os.open(tmp_path, os.O_RDONLY)

    def prepare() -> list[int]:
        return [os.open(criu.folder, os.O_RDONLY)]

    process = Criu.start(log, stdio=(reading, writing, writing), extra=[first], prepare=prepare)
    try:
        links = [os.readlink(f"/proc/{process.pid}/fd/{fd}") for fd in range(FIRST_EXTRA_FD + 2)]
        assert links[0] == links[1] == os.readlink(f"/proc/self/fd/{reading}")
        assert links[FIRST_EXTRA_FD:] == [str(tmp_path), str(criu.folder)]
        ours = process.fetch(FIRST_EXTRA_FD + 1)
        assert os.readlink(f"/proc/self/fd/{ours}") == str(criu.folder)
        os.close(ours)
    finally:
        process.ask_version()
        process.close()
        for fd in (reading, writing, first):
            os.close(fd)


def test_at_debug_the_options_and_notifications_are_told(
    criu: FakeCriu, log: ListLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "_threshold", 0)
    criu.install({"type": "NOTIFY", "notify": {"script": "post-dump"}}, {"type": "DUMP"})
    process = Criu.start(log)
    process.work(messages.DUMP, {"images_dir_fd": 5}, lambda *_: None)
    process.close()
    assert ("debug", "CRIU option images_dir_fd with value 5") in log.lines
    assert ("debug", "notify: post-dump") in log.lines
