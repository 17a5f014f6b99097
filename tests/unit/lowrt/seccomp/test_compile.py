"""The filter and its cache."""

import json
from pathlib import Path

import pytest

from lowrt.seccomp.compile import compile_profile

DOCKER = json.loads((Path(__file__).parents[3] / "golden" / "lowrt" / "seccomp_docker_amd64.json").read_text())


def test_a_section_that_asks_for_nothing_is_no_filter() -> None:
    assert compile_profile({}) is None
    assert compile_profile({"defaultAction": "", "syscalls": []}) is None


def test_the_cache_gives_back_what_was_compiled(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first = compile_profile(DOCKER, str(cache))
    (entry,) = cache.iterdir()
    assert entry.stat().st_mode & 0o777 == 0o600
    again = compile_profile(json.loads(json.dumps(DOCKER)), str(cache))
    assert first is not None
    assert again is not None
    assert (first.bpf, first.flags) == (again.bpf, again.flags)
    assert len(list(cache.iterdir())) == 1


@pytest.mark.parametrize("damage", [b"", b"junk", b"lowrt-seccomp-1\n" + b"\0" * 9])
def test_a_damaged_cache_entry_is_made_anew(tmp_path: Path, damage: bytes) -> None:
    good = compile_profile(DOCKER, str(tmp_path))
    (entry,) = tmp_path.iterdir()
    entry.write_bytes(damage)
    again = compile_profile(DOCKER, str(tmp_path))
    assert good is not None
    assert again is not None
    assert again.bpf == good.bpf


def test_a_cache_that_cannot_be_written_is_done_without() -> None:
    assert compile_profile(DOCKER, "/proc/nowhere") is not None


def test_the_cache_does_not_grow_without_end(tmp_path: Path) -> None:
    for number in range(130):
        compile_profile({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": number, "syscalls": []}, str(tmp_path))
    assert len(list(tmp_path.iterdir())) <= 128
