"""Plugins."""

from supervisor.core.plugins import Plugin


def test_a_plugin_works_unless_it_says_otherwise() -> None:
    """No error, nothing exported, and nothing shared with another."""
    one, two = Plugin("t", "a"), Plugin("t", "b")
    assert one.error is None
    assert one.exports == {}
    assert one.exports is not two.exports
