"""A filter is compiled once and found again."""

from pathlib import Path

from lowrt.container.filter import load_filter
from lowrt.spec.model import Spec

SECTION = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["reboot"], "action": "SCMP_ACT_ERRNO"}]}


def test_no_section_is_no_filter(tmp_path: Path) -> None:
    assert load_filter(Spec({}, "/b"), str(tmp_path)) is None


def test_the_cache_gives_the_same_program(tmp_path: Path) -> None:
    spec = Spec({"linux": {"seccomp": SECTION}}, "/b")
    first, second = load_filter(spec, str(tmp_path)), load_filter(spec, str(tmp_path))
    assert first is not None
    assert second is not None
    assert first.bpf == second.bpf
    assert (tmp_path / "@seccomp").is_dir()
