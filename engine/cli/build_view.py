"""A build as a person sees it on a terminal: each step with its time and mark, what runs with the end of its output.

    [+] Building 12.3s (4/6) ━━━━━━━━━━╺━━━━━
     ✓ sending the context                          4.2MB
     ✓ [base 1/6] FROM busybox                       0.1s
     = [base 2/6] RUN apk add make                 CACHED
     ▸ [app 4/6] RUN make                            9.8s
       │ cc -c main.c

`Board` is pure: lines of the engine's stream in, rows out. `LiveBoard` keeps it on the screen, and leaves it there.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from engine.cli.humane import size

Line = dict[str, Any]
_OUTPUT_ROWS = 6
_KEPT = 2000
_MARKS = {"running": ("▸", "bold cyan"), "done": ("✓", "green"), "cached": ("=", "blue"), "failed": ("✗", "bold red")}


@dataclass(slots=True)
class Step:
    """One instruction."""

    number: int
    stage: str
    name: str
    began: float
    state: str = "running"
    ended: float = 0.0
    output: "deque[str]" = field(default_factory=lambda: deque(maxlen=_KEPT))
    layers: dict[str, tuple[str, int, int]] = field(default_factory=dict)  # a pull: what, of how many bytes

    def took(self, now: float) -> str:
        """Its time, or the mark of one that took none."""
        return "CACHED" if self.state == "cached" else f"{max(0.0, (self.ended or now) - self.began):.1f}s"


class Board:
    """What is known of a build."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._began = clock()
        self.steps: dict[int, Step] = {}
        self.total = 0
        self.texts: list[str] = []  # what belongs to no step
        self.sent = 0
        self.sending = True

    def take(self, line: Line) -> None:
        """One line of the stream."""
        aux = line.get("aux") or {}
        if line.get("id") == "wherry.step":
            self._step(aux)
        elif line.get("id") == "wherry.log" and aux.get("step") in self.steps:
            self._log(self.steps[aux["step"]], aux["text"])
        elif "step" in line and line["step"] in self.steps:
            self._pull(self.steps[line["step"]], line)
        elif "stream" in line:
            self.texts.append(str(line["stream"]))

    def _step(self, aux: Line) -> None:
        self.sending = False
        self.total = aux["steps"]
        number, state = aux["step"], aux["state"]
        if state == "running":
            self.steps[number] = Step(number, aux["stage"], aux["name"], aux["time"])
        elif number in self.steps:
            step = self.steps[number]
            step.state, step.ended = state, aux["time"]
            step.layers.clear()

    def _log(self, step: Step, text: str) -> None:
        pieces = text.split("\n")
        if step.output and not step.output[-1].endswith("\n"):
            step.output[-1] += pieces.pop(0) + ("\n" if pieces else "")
        step.output.extend(piece + "\n" for piece in pieces[:-1])
        if pieces and pieces[-1]:
            step.output.append(pieces[-1])

    def _pull(self, step: Step, line: Line) -> None:
        if not line.get("id"):
            step.output.append(f"{line['status']}\n")
            return
        detail = line.get("progressDetail") or {}
        step.layers[line["id"]] = (line["status"], detail.get("current") or 0, detail.get("total") or 0)

    @property
    def finished(self) -> int:
        """Steps that need no more work."""
        return sum(step.state in ("done", "cached") for step in self.steps.values())

    def rows(self, height: int) -> "list[Text | Table]":
        """The whole board in so many rows; the oldest steps give way."""
        now = self._clock()
        head = Table.grid(padding=(0, 1))
        bar = ProgressBar(total=max(1, self.total), completed=self.finished, width=24)
        head.add_row(Text(f"[+] Building {now - self._began:.1f}s ({self.finished}/{self.total})", "bold"), bar)
        body: list[Text | Table] = []
        if self.sent:
            body.append(_row("running" if self.sending else "done", "sending the context", size(self.sent)))
        for step in sorted(self.steps.values(), key=lambda one: one.number):
            body += self._of(step, now)
        room = max(3, height - 1)
        return [head, *body[-room:]]

    def _of(self, step: Step, now: float) -> "Iterator[Text | Table]":
        name = " ".join(step.name.split())
        yield _row(step.state, f"[{step.stage} {step.number}/{self.total}] {name}", step.took(now))
        if step.state != "running":
            return
        for layer, (what, done, whole) in list(step.layers.items())[-_OUTPUT_ROWS:]:
            row = Table.grid(padding=(0, 1))
            bar = ProgressBar(total=whole, completed=done, width=20) if whole else Text("")
            row.add_row(Text(f"   │ {layer[:12]} {what}", "dim"), bar, Text(size(done) if done else "", "dim"))
            yield row
        for text in list(step.output)[-_OUTPUT_ROWS:]:
            yield Text(f"   │ {printable(text)}", "dim", no_wrap=True, overflow="ellipsis")


def _row(state: str, name: str, right: str) -> Table:
    mark, style = _MARKS[state]
    row = Table.grid(expand=True, padding=(0, 1))
    row.add_column(width=2)
    row.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    row.add_column(justify="right", no_wrap=True)
    row.add_row(Text(f" {mark}", style), Text(printable(name)), Text(right, "blue" if state == "cached" else "dim"))
    return row


def printable(text: str) -> str:
    """A line of a step's output that moves no cursor and changes no colour."""
    last = text.rstrip("\n").rsplit("\r", 1)[-1]
    return "".join(letter if letter.isprintable() else " " for letter in last.replace("\x1b", "").expandtabs(4))


class LiveBoard:
    """The board on a terminal, for the length of a block."""

    def __init__(self, console: Console | None = None) -> None:
        self.board = Board()
        self._console = console or Console(highlight=False)
        self._live = Live(get_renderable=self._shown, console=self._console, refresh_per_second=8, transient=False)

    def _shown(self) -> Group:
        return Group(*self.board.rows(self._console.height - 1))

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._live.stop()
        for step in self.board.steps.values():
            if step.state == "failed" and step.output:
                self._console.rule(f"output of step {step.number}", style="red", align="left")
                self._console.print("".join(step.output).rstrip("\n"), markup=False)
        for text in self.board.texts:
            self._console.print(text.rstrip("\n"), markup=False)

    def show(self, line: Line) -> None:
        """One line of the stream."""
        self.board.take(line)
