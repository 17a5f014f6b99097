"""The cache: keys by content, entries for as long as their layers are there."""

from pathlib import Path
from typing import Any

import pytest

from engine.builder.cache import Cache, key_of
from engine.builder.state import Layer, State
from engine.images.model import Descriptor
from engine.images.platform import Platform
from proto.containerd.services.content.v1 import content_pb2
from proto.errdefs import NotFound

_STATE = State(Platform("linux", "amd64"))
_LAYER = Layer(Descriptor("t", "sha256:" + "1" * 64, 10), "sha256:" + "2" * 64)


class Store:
    """Content and snapshots at once."""

    snapshotter = "overlayfs"

    def __init__(self) -> None:
        self.there = {_LAYER.descriptor.digest, _LAYER.diff_id}
        self.roots: dict[str, dict[str, str]] = {}
        self.asked: list[tuple[str, ...]] = []

    async def info(self, digest: str) -> None:
        """As the content service."""
        if digest not in self.there:
            raise NotFound(digest)

    stat = info

    async def list(self, *filters: str) -> list[content_pb2.Info]:
        """Blobs by their digests."""
        self.asked.append(filters)
        wanted = {text.removeprefix("digest==") for text in filters}
        return [content_pb2.Info(digest=digest) for digest in self.there & wanted]

    async def write(self, ref: str, data: bytes, digest: str, labels: dict[str, str]) -> None:
        """A root."""
        self.roots[digest] = labels

    async def delete(self, digest: str) -> None:
        """A root goes."""
        del self.roots[digest]


@pytest.fixture
def store() -> Store:
    """Empty."""
    return Store()


@pytest.fixture
def cache(store: Store, tmp_path: Path) -> Any:
    """A cache in a file."""
    made = Cache(str(tmp_path / "c.db"), store, store)  # type: ignore[arg-type]
    yield made
    made.close()


def test_a_key_is_made_of_its_parts() -> None:
    assert key_of("a", {"x": 1, "y": 2}) == key_of("a", {"y": 2, "x": 1})
    assert key_of("a", "b") != key_of("ab")


async def test_a_result_is_found_again_and_kept_from_the_collector(cache: Cache, store: Store) -> None:
    await cache.keep("k", "then", "RUN x", _LAYER, _STATE)
    found = cache.find("k")
    assert found is not None
    assert (found.layer, found.created, found.size) == (_LAYER, "then", 10)
    (labels,) = store.roots.values()
    assert labels["containerd.io/gc.ref.snapshot.overlayfs"] == _LAYER.diff_id
    assert cache.find("other") is None


@pytest.mark.parametrize("lost", [_LAYER.descriptor.digest, _LAYER.diff_id])
async def test_a_result_whose_layer_or_snapshot_is_gone_is_forgotten(cache: Cache, store: Store, lost: str) -> None:
    await cache.keep("k", "then", "RUN x", _LAYER, _STATE)
    store.there.remove(lost)
    assert not await cache.confirm(cache.all(), (_LAYER.diff_id,))
    assert cache.all() == []


async def test_many_results_are_confirmed_by_one_question_for_all_and_the_uppermost_snapshot(
    cache: Cache, store: Store
) -> None:
    state = _STATE
    for number in range(5):
        layer = Layer(Descriptor("t", f"sha256:{number:064d}", 10), f"sha256:{number + 10:064d}")
        await cache.keep(f"k{number}", "then", "RUN x", layer, state)
        state = state.stepped({}, "RUN x", "then", layer)
        store.there.add(layer.descriptor.digest)
    await cache.keep("none", "then", "ENV x", None, state)
    store.there.add(state.top)  # those below are asked for by nobody
    assert await cache.confirm(cache.all(), state.diff_ids)
    assert [len(filters) for filters in store.asked] == [5]
    assert [entry.uses for entry in cache.all()] == [1] * 6


async def test_a_layer_that_stands_alone_is_asked_for_by_its_own_snapshot(cache: Cache, store: Store) -> None:
    await cache.keep("k", "then", "COPY --link", _LAYER, _STATE)
    assert await cache.confirm(cache.all(), ("sha256:" + "9" * 64,))
    store.there.remove(_LAYER.diff_id)
    assert not await cache.confirm(cache.all(), ("sha256:" + "9" * 64,))


async def test_a_step_without_a_layer_needs_no_root(cache: Cache, store: Store) -> None:
    await cache.keep("k", "then", "ENV x", None, _STATE)
    found = cache.find("k")
    assert found is not None
    assert (found.layer, store.roots) == (None, {})


async def test_what_is_forgotten_lets_go_of_its_layer(cache: Cache, store: Store) -> None:
    await cache.keep("k", "then", "RUN x", _LAYER, _STATE)
    await cache.forget(cache.all())
    assert (cache.all(), store.roots) == ([], {})
