"""Bars for the engine's progress events: one line per layer, bytes and rate, and what is done stays visible."""

from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn


class ProgressBars:
    """Use as a context manager; `show` takes the events in order."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.fields[layer]}"),
            TextColumn("{task.description:<20}"),
            BarColumn(bar_width=30),
            DownloadColumn(),
            TransferSpeedColumn(),
            console=Console(highlight=False),
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()

    def show(self, event: dict[str, Any]) -> None:
        """One event: a layer's state or bytes, or a line of text."""
        text = event.get("status") or event.get("stream") or ""
        layer = event.get("id")
        if layer is None or "progressDetail" not in event:
            if text.strip():
                self._progress.console.print(f"{layer}: {text}" if layer else text.rstrip(), markup=False)
            return
        task = self._tasks.get(layer)
        if task is None:
            task = self._tasks[layer] = self._progress.add_task(text, total=None, layer=layer)
        detail = event["progressDetail"] or {}
        if "current" in detail:
            self._progress.update(task, description=text, completed=detail["current"], total=detail.get("total"))
        else:
            self._progress.update(task, description=text)
