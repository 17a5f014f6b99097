"""bpf(2), as far as an ordinary user gets: it says no in its own name."""

import os

import pytest

from lowrt.linux import bpf


def test_what_is_no_cgroup_is_refused() -> None:
    null = os.open("/dev/null", os.O_RDONLY)
    try:
        with pytest.raises(OSError, match="bpf"):
            bpf.attached_device_programs(null)
        with pytest.raises(OSError, match="bpf"):
            bpf.attach_device_program(null, null)
        with pytest.raises(OSError, match="bpf"):
            bpf.detach_device_program(null, null)
    finally:
        os.close(null)


def test_a_program_that_is_none_is_not_loaded() -> None:
    with pytest.raises(OSError, match="bpf"):
        bpf.load_device_program(b"\0" * 8)
