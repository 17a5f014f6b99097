"""`--cache-from`: steps found again in the history of images, as the classic builder finds them.

An image serves a state whose layers and history are the beginning of its own, and a step whose words are those of the
image's next entry. The words of a COPY hold a digest of what is copied; a RUN with mounts or a script of its own says
too little of itself, and is never looked for. Only the layer and its time are taken over, never configuration
(CVE-2024-24557).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.builder.state import Layer, State
from engine.images.model import Image


@dataclass(frozen=True, slots=True)
class Found:
    """A step that an image has."""

    created: str
    layer: Layer | None


class HistoryCache:
    """The images of one build's `--cache-from`."""

    def __init__(self, images: Sequence[Image] = ()) -> None:
        self._states = [State.from_image(image) for image in images]

    def find(self, state: State, command: str) -> Found | None:
        """The step that follows the state, if an image has just this one."""
        for image in self._states:
            count, depth = len(state.history), len(state.layers)
            if image.platform != state.platform or len(image.history) <= count:
                continue
            if image.history[:count] != state.history or image.diff_ids[:depth] != state.diff_ids:
                continue
            step = image.history[count]
            if step.get("created_by") != command or (step.get("author") or "") != state.author:
                continue
            if step.get("empty_layer"):
                return Found(str(step.get("created") or ""), None)
            if len(image.layers) > depth:
                return Found(str(step.get("created") or ""), image.layers[depth])
        return None
