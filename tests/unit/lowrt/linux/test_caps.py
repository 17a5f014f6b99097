"""Capabilities by name."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lowrt.linux import caps


def status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(field)), 16)


@given(st.sets(st.sampled_from(caps.NAMES)))
def test_names_and_bits_are_one_to_one(names: set[str]) -> None:
    bits, unknown = caps.mask(names)
    assert set(caps.names(bits)) == names
    assert not unknown


def test_unknown_names_are_given_back() -> None:
    assert caps.mask(["CAP_KILL", "CAP_NOPE", "kill"]) == (1 << 5, ["CAP_NOPE", "kill"])


@pytest.mark.parametrize(
    ("name", "number"), [("CAP_CHOWN", 0), ("CAP_SYS_ADMIN", 21), ("CAP_SYS_RESOURCE", 24), ("CAP_BPF", 39)]
)
def test_numbers_are_the_headers(name: str, number: int) -> None:
    assert caps.NUMBERS[name] == number


def test_the_kernel_has_no_more_than_we_know() -> None:
    assert caps.last_cap() < 64
    assert len(caps.NAMES) == 41


def test_capget_reads_what_proc_shows() -> None:
    assert caps.capget() == (status("CapEff"), status("CapPrm"), status("CapInh"))


def test_setting_what_one_has_changes_nothing() -> None:
    before = caps.capget()
    caps.capset(*before)
    assert caps.capget() == before
