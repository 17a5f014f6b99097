"""The list of plugins."""

from supervisor.core.plugins import Plugin
from supervisor.services.plugins import GRPC, SNAPSHOTTER, base_plugins, grpc_plugin, host_platform


def test_snapshotters_say_where_they_live() -> None:
    """For clients that look into the files."""
    plugins = base_plugins({"overlayfs": "/o", "native": "/n"}, {"PauseThreshold": "0.02"})
    found = {plugin.id: plugin.exports["root"] for plugin in plugins if plugin.type == SNAPSHOTTER}
    assert found == {"overlayfs": "/o", "native": "/n"}
    assert len({(plugin.type, plugin.id) for plugin in plugins}) == len(plugins)


def test_services_are_plugins_by_their_short_names() -> None:
    """As `ctr plugins ls` knows them."""
    assert grpc_plugin("containerd.services.images.v1.Images") == Plugin(GRPC, "images")
    assert grpc_plugin("grpc.health.v1.Health") == Plugin(GRPC, "health")


def test_the_host_is_a_linux() -> None:
    """In OCI's names."""
    assert host_platform().os == "linux"
    assert host_platform().architecture
