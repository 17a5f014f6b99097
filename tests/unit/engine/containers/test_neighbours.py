"""The neighbours are what the containers' room asks for."""

import inspect

from engine.containers import neighbours
from engine.images.service import Images
from engine.networks.service import Networks


def _verbs(protocol: type) -> set[str]:
    return {name for name in vars(protocol) if not name.startswith("_")}


def test_images_and_networks_have_every_verb() -> None:
    for protocol, real in ((neighbours.Images, Images), (neighbours.Networks, Networks)):
        for name in _verbs(protocol):
            wanted = list(inspect.signature(getattr(protocol, name)).parameters)
            assert list(inspect.signature(getattr(real, name)).parameters)[: len(wanted)] == wanted
