"""States: values, whose ids say all that is in them."""

from engine.builder.state import Layer, State
from engine.images.model import Descriptor
from engine.images.platform import Platform
from tests.fakes.engine_images import World

_START = State(Platform("linux", "amd64"))
_LAYER = Layer(Descriptor("t", "sha256:" + "1" * 64, 1), "sha256:" + "2" * 64)


def test_scratch_has_no_id_and_no_snapshot() -> None:
    assert (_START.id, _START.top) == ("", "")


def test_a_step_changes_nothing_of_the_state_before() -> None:
    after = _START.stepped({"Env": ["A=1"]}, "c", "2020-01-01T00:00:00Z", _LAYER)
    assert (_START.layers, _START.config) == ((), {})
    assert after.top == _LAYER.diff_id
    assert after.environment == {"A": "1"}
    assert "empty_layer" not in after.history[0]


def test_a_step_without_a_layer_says_so_and_changes_the_id() -> None:
    one = _START.stepped({}, "c", "t", _LAYER)
    two = one.stepped({"User": "x"}, "d", "t")
    assert two.history[-1] == {"created": "t", "created_by": "d", "empty_layer": True}
    assert one.id != two.id
    assert one.top == two.top


def test_nop_steps_are_told_under_the_shell() -> None:
    state = _START.stepped({"Shell": ["/bin/ash", "-c"]}, "c", "t")
    assert state.nop(" CMD x") == "/bin/ash -c #(nop)  CMD x"


async def test_nothing_but_a_base_is_that_image() -> None:
    image = await World().add("docker.io/library/a:1", comment="what we would not write")
    begun = State.from_image(image)
    assert (begun.id, begun.is_base) == (image.id, True)
    after = begun.stepped({**begun.config, "User": "x"}, "USER x", "2020-01-01T00:00:00Z")
    assert not after.is_base
    assert not _START.is_base
