"""Progress on a terminal."""

import pytest

from engine.cli.progress_bars import ProgressBars


def test_lines_without_a_layer_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """Bars come and go; the status line stays."""
    with ProgressBars() as bars:
        bars.show({"status": "Pulling from library/x", "id": "latest"})
        bars.show({"status": "Downloading", "id": "abc", "progressDetail": {"current": 5, "total": 10}})
        bars.show({"status": "Pull complete", "id": "abc", "progressDetail": {}})
        bars.show({"status": "Status: done"})
    printed = capsys.readouterr().out
    assert "latest: Pulling from library/x" in printed
    assert "Status: done" in printed
    assert "abc" in printed
