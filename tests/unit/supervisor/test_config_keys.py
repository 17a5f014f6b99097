"""The tables of keys."""

from supervisor import config_keys as keys
from supervisor.runtime.cleanup import Timeouts


def test_a_key_has_an_effect_or_has_none() -> None:
    assert not set(keys.KEYS) & set(keys.NEUTRAL)
    for plugin, known in keys.PLUGIN_KEYS.items():
        assert not set(known) & set(keys.PLUGIN_NEUTRAL.get(plugin, {}))


def test_sockets_are_set_by_the_same_keys_wherever_they_stand() -> None:
    for plugin, table in keys.SERVER_TABLES.items():
        assert {f"{table}.{key}" for key in keys.PLUGIN_KEYS[plugin]} <= set(keys.KEYS)


def test_every_timeout_is_one_that_the_runtime_has() -> None:
    for field in keys.TIMEOUTS.values():
        assert getattr(Timeouts(), field) > 0
