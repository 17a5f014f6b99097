"""What Create and Checkpoint ask for."""

from shim.options import RuntimeOptions
from shim.requests import CheckpointSpec, CreateSpec
from shim.stdio import StdioSpec


def test_a_create_without_a_checkpoint_begins_anew() -> None:
    """Which is what nearly all are."""
    spec = CreateSpec("c1", "/b", [], StdioSpec(), RuntimeOptions())
    assert (spec.checkpoint, spec.parent_checkpoint) == ("", "")


def test_a_checkpoint_keeps_the_runtimes_words() -> None:
    """As they were given."""
    spec = CheckpointSpec("/image", "/work", exit_=True, flags=["--tcp-established"], empty_namespaces=[], parent="")
    assert (spec.image, spec.exit, spec.flags) == ("/image", True, ["--tcp-established"])
