"""A build's stream: the classic builder's lines, in the Dockerfile's order also where stages overlap; or its steps.

Each stage writes to a lane of its own. The first lane that has not ended goes straight out, the others wait.
Who asks for steps (`progress=steps`, as `wherry build` does) gets these instead, each as soon as something happens:

    {"id": "wherry.step", "aux": {"step": 3, "steps": 9, "stage": "build", "name": "RUN make",
     "state": "running" | "cached" | "done" | "failed", "time": 1764082800.25}}
    {"id": "wherry.result", "aux": {}}    the result can be fetched by the channel
    {"id": "wherry.log", "aux": {"step": 3, "stream": 1 | 2, "text": "…"}}

A build for a client of BuildKit's protocol tells more (`detailed`):

    wherry.step has "vertex": "[build 2/5] RUN make" (empty: clients are not shown it), "line": 7; "error" if it failed
    {"id": "wherry.transfer", "aux": {"what": "dockerfile" | "dockerignore" | "context" | NAME, "size": 1234,
     "state": "running" | "done" | "failed", "time": 1764082800.25}}
    {"id": "wherry.export", "aux": {"name": "naming to …", "state": "running" | "done", "time": 1764082800.25}}
     with the name empty: of all of it
    {"id": "wherry.warning", "aux": {"text": "…"}}
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Line = dict[str, Any]
STEP, LOG, RESULT = "wherry.step", "wherry.log", "wherry.result"
TRANSFER, EXPORT, WARNING = "wherry.transfer", "wherry.export", "wherry.warning"
CANCELED = "context canceled"  # why a step failed that only waited for one that did


@dataclass(slots=True)
class Step:
    """The instruction that a lane is at."""

    number: int
    total: int
    name: str
    vertex: str = ""
    line: int = 0
    cached: bool = False


class Lane:
    """One stage's lines."""

    def __init__(self, output: "Output", stage: str = "") -> None:
        self._output = output
        self._stage = stage
        self._step: Step | None = None
        self.waiting: list[Line] = []
        self.ended = False

    def line(self, document: Line) -> None:
        """A line of any kind."""
        if self._output.steps and "status" in document:
            self._output.say_now({**document, "step": self._step.number if self._step else 0})
        else:
            self._output.accept(self, document)

    def stream(self, text: str) -> None:
        """Text for a person."""
        self.line({"stream": text})

    def log(self, text: str, stream: int) -> None:
        """What a step's process says; stderr in the colour that docker gives it."""
        if self._output.steps and self._step is not None:
            self._output.say_now({"id": LOG, "aux": {"step": self._step.number, "stream": stream, "text": text}})
        else:
            self.stream(f"\x1b[91m{text}\x1b[0m" if stream == 2 else text)

    def begin(self, number: int, total: int, text: str, *, vertex: str = "", line: int = 0) -> None:
        """An instruction's turn."""
        self.stream(f"Step {number}/{total} : {text}")
        self.stream("\n")
        self._step = Step(number, total, text, vertex, line)
        self._tell("running")

    def cached(self) -> None:
        """It was made before."""
        self.stream(" ---> Using cache\n")
        if self._step is not None:
            self._step.cached = True

    def done(self, short_id: str) -> None:
        """The instruction has been carried out."""
        self.stream(f" ---> {short_id}\n")
        self._tell("cached" if self._step is not None and self._step.cached else "done")
        self._step = None

    def failed(self, reason: str = "") -> None:
        """It has not."""
        self._tell("failed", reason)
        self._step = None

    def end(self) -> None:
        """Nothing more comes."""
        self._tell("done")
        self.ended = True
        self._output.advance()

    def _tell(self, state: str, reason: str = "") -> None:
        if self._output.steps and self._step is not None:
            step = self._step
            told: Line = {"step": step.number, "steps": step.total, "stage": self._stage, "name": step.name}
            told["state"] = state
            if self._output.detailed:
                told |= {"vertex": step.vertex, "line": step.line} | ({"error": reason} if reason else {})
            self._output.say_now({"id": STEP, "aux": {**told, "time": time.time()}})


class Output:
    """All lanes of a build."""

    def __init__(
        self, sink: Callable[[Line], None], *, quiet: bool = False, steps: bool = False, detailed: bool = False
    ) -> None:
        self._sink = sink
        self._quiet = quiet
        self.steps = steps
        self.detailed = detailed
        self._lanes: list[Lane] = []

    def lane(self, stage: str = "") -> Lane:
        """The next lane, in the order that they are to be read."""
        lane = Lane(self, stage)
        self._lanes.append(lane)
        return lane

    def accept(self, lane: Lane, document: Line) -> None:
        """Send or hold a line."""
        if self._quiet or self.steps:
            return
        if self._lanes and self._lanes[0] is lane:
            self._sink(document)
        else:
            lane.waiting.append(document)

    def advance(self) -> None:
        """Send what has waited for lanes that ended."""
        while self._lanes and self._lanes[0].ended:
            self._flush(self._lanes.pop(0))
        if self._lanes:
            self._flush(self._lanes[0])

    def say(self, document: Line) -> None:
        """A line of the whole build, after every lane; also where the build is quiet."""
        for lane in self._lanes:
            self._flush(lane)
        self._lanes.clear()
        self._sink(document)

    def warn(self, text: str) -> None:
        """A warning of the whole build."""
        if self.detailed:
            self._sink({"id": WARNING, "aux": {"text": text}})
        elif not self._quiet:
            self.say({"stream": f"[Warning] {text}\n"})

    def exporting(self, name: str, *, done: bool) -> None:
        """What is done with the result; without a name: all that is."""
        if self.detailed:
            state = "done" if done else "running"
            self._sink({"id": EXPORT, "aux": {"name": name, "state": state, "time": time.time()}})

    def say_now(self, document: Line) -> None:
        """A line that waits for no lane."""
        self._sink(document)

    def _flush(self, lane: Lane) -> None:
        waiting, lane.waiting = lane.waiting, []
        for document in waiting:
            self._sink(document)
