"""Steps in the history of other images: only the very same ones, after the very same beginning."""

from dataclasses import replace

from engine.builder.history_cache import Found, HistoryCache
from engine.builder.state import Layer, State
from engine.images.model import Descriptor
from engine.images.platform import Platform


def _layer(name: str) -> Layer:
    return Layer(Descriptor("t", f"sha256:{name}", 1), f"sha256:diff-{name}")


_BASE = State(Platform("linux", "amd64"), layers=(_layer("base"),), history=({"created": "0", "created_by": "base"},))
_IMAGE = _BASE.stepped({}, "ENV a", "1").stepped({}, "RUN x", "2", _layer("x"))


def _cache(*states: State) -> HistoryCache:
    cache = HistoryCache()
    cache._states = list(states)
    return cache


def test_each_step_is_found_after_the_one_before() -> None:
    cache = _cache(_IMAGE)
    assert cache.find(_BASE, "ENV a") == Found("1", None)
    assert cache.find(_BASE.stepped({}, "ENV a", "1"), "RUN x") == Found("2", _layer("x"))
    assert cache.find(_IMAGE, "RUN y") is None


def test_other_words_times_layers_authors_or_platforms_are_no_match() -> None:
    cache = _cache(_IMAGE)
    after = _BASE.stepped({}, "ENV a", "1")
    assert cache.find(after, "RUN y") is None
    assert cache.find(_BASE.stepped({}, "ENV a", "9"), "RUN x") is None
    assert cache.find(replace(after, layers=(_layer("other"),)), "RUN x") is None
    assert cache.find(replace(after, author="me"), "RUN x") is None
    assert cache.find(replace(after, platform=Platform("linux", "arm64")), "RUN x") is None


def test_the_first_image_that_has_it_serves() -> None:
    other = _BASE.stepped({}, "ENV a", "1").stepped({}, "RUN x", "3", _layer("y"))
    assert _cache(State(_BASE.platform), other, _IMAGE).find(_BASE.stepped({}, "ENV a", "1"), "RUN x") == Found(
        "3", _layer("y")
    )
