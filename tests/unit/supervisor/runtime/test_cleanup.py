"""Clearing away; it never raises."""

import logging
from pathlib import Path

import pytest

from proto.errdefs import Fault
from tests.fakes.supervisor_runtime import SPEC, running


async def test_a_dead_shims_program_says_how_it_ended(tmp_path: Path) -> None:
    async with running(tmp_path) as runtime:
        bundle = runtime.bundles.create("ns", "c1", SPEC)
        assert (await runtime.cleanup.dead_shim(bundle, runtime.options.runtime)).exit_status == 137
        assert runtime.left_over() == []


async def test_without_a_program_the_bundle_goes_all_the_same(tmp_path: Path) -> None:
    async with running(tmp_path) as runtime:
        bundle = runtime.bundles.create("ns", "c1", SPEC)
        assert (await runtime.cleanup.dead_shim(bundle, None)).exit_status == 255
        assert runtime.left_over() == []


async def test_what_fails_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with running(tmp_path) as runtime:
        bundle = runtime.bundles.create("ns", "c1", SPEC)
        Path(bundle.rootfs, "file").touch()
        runtime.launcher.next_fail = {"delete": Fault("oh")}
        with caplog.at_level(logging.WARNING):
            await runtime.cleanup.dead_shim_files(bundle, runtime.options.runtime)
        assert "failed to clean up a failed task: oh" in caplog.text
        assert "failed to delete bundle" in caplog.text
