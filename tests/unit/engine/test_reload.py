"""The configuration read again."""

from engine.config import Config
from engine.reload import attributes, merge


def test_what_can_change_does_and_the_rest_waits() -> None:
    merged, waiting = merge(Config(mtu=1400), Config(mtu=1500, labels=("a=b",), debug=True, data_root="/x"))
    assert (merged.labels, merged.debug, merged.mtu) == (("a=b",), True, 1400)
    assert waiting == ["data-root", "mtu"]


def test_the_same_configuration_changes_nothing() -> None:
    assert merge(Config(), Config()) == (Config(), [])


def test_the_events_attributes_are_text() -> None:
    found = attributes(Config(labels=("a=b",)), "host")
    assert found["labels"] == '["a=b"]'
    assert (found["name"], found["live-restore"], found["shutdown-timeout"]) == ("host", "true", "15")
    assert "log-level" not in found
