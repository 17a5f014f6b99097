"""Masks, as far as they go without privileges: what is not there needs none."""

from lowrt.rootfs.mask import make_readonly, mask_paths


def test_paths_that_do_not_exist_are_no_danger() -> None:
    mask_paths(["/nowhere/at/all", "/dev/null/inner"])
    make_readonly(["/nowhere/at/all"])
