"""The fifo a shim logs into."""

import asyncio
from pathlib import Path

import pytest

from supervisor.runtime.bundle import BundleRoots
from supervisor.runtime.shim_log import ShimLog


async def test_what_shims_write_is_copied_and_one_leaving_ends_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    bundle = BundleRoots(str(tmp_path / "s"), str(tmp_path / "r")).create("ns", "c1", b"{}")
    log = ShimLog(bundle)
    for words in ("one\n", "two\n"):
        Path(bundle.log).write_text(words)
        await asyncio.sleep(0.02)
    Path(bundle.log).write_text("three\n")
    log.close()
    log.close()
    assert capfd.readouterr().err == "one\ntwo\nthree\n"
