"""containerd.services.introspection.v1."""

import os
from pathlib import Path

import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.empty_pb2 import Empty

from proto.containerd.services.introspection.v1 import introspection_pb2 as api
from proto.errdefs import FailedPrecondition, NotFound, Unavailable, Unimplemented
from supervisor.core.digests import Platform
from supervisor.core.plugins import Plugin
from supervisor.services.introspection import IntrospectionService, load_identity
from tests.fakes.grpc_context import Context

PLUGINS = [
    Plugin("t1", "good", ("t2",), (Platform("linux", "amd64"),), ("cap",), {"root": "/r"}, info=lambda asked: asked),
    Plugin("t1", "bad", error=Unavailable("no kernel for it"), info=lambda asked: asked),
    Plugin("t2", "silent"),
]


@pytest.fixture
def service() -> IntrospectionService:
    return IntrospectionService(PLUGINS, "identity")


async def test_plugins_are_listed_and_filtered(service: IntrospectionService, context: Context) -> None:
    """With what they can, and what is wrong with them."""
    listed = (await service.Plugins(api.PluginsRequest(filters=["type==t1"]), context)).plugins
    assert [plugin.id for plugin in listed] == ["good", "bad"]
    good, bad = listed
    assert (list(good.requires), good.platforms[0].architecture, list(good.capabilities)) == (["t2"], "amd64", ["cap"])
    assert dict(good.exports) == {"root": "/r"}
    assert not good.HasField("init_err")
    assert (bad.init_err.code, bad.init_err.message) == (14, "no kernel for it")
    assert len((await service.Plugins(api.PluginsRequest(filters=["id==silent"]), context)).plugins) == 1
    assert len((await service.Plugins(api.PluginsRequest(filters=["platforms"]), context)).plugins) == 0


async def test_the_server_says_who_it_is(service: IntrospectionService, context: Context) -> None:
    """And where its process is."""
    server = await service.Server(Empty(), context)
    assert (server.uuid, server.pid) == ("identity", os.getpid())
    assert server.pidns == os.stat("/proc/self/ns/pid").st_ino


async def test_a_plugin_answers_for_itself(service: IntrospectionService, context: Context) -> None:
    """If it is asked, works, and has something to say."""
    plain = await service.PluginInfo(api.PluginInfoRequest(type="t1", id="bad"), context)
    assert (plain.plugin.id, plain.HasField("extra")) == ("bad", False)
    options = AnyMessage(type_url="q", value=b"1")
    told = await service.PluginInfo(api.PluginInfoRequest(type="t1", id="good", options=options), context)
    assert told.extra == options
    for kind, name, fault in (
        ("t1", "bad", FailedPrecondition),
        ("t2", "silent", Unimplemented),
        ("t3", "none", NotFound),
    ):
        with pytest.raises(fault):
            await service.PluginInfo(api.PluginInfoRequest(type=kind, id=name, options=options), context)


def test_the_identity_lasts(tmp_path: Path) -> None:
    """It is made once, and made anew when the file is no identity."""
    folder = str(tmp_path / "i")
    identity = load_identity(folder)
    assert load_identity(folder) == identity
    (tmp_path / "i" / "uuid").write_text("")
    assert load_identity(folder) != identity
