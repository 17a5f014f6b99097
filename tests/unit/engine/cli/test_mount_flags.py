"""-v and --mount."""

import pytest

from engine.cli.errors import CommandFailed
from engine.cli.mount_flags import bind_or_volume, mount


@pytest.mark.parametrize(
    ("text", "target", "bind"),
    [
        ("/a:/b", "/b", "/a:/b"),
        ("name:/b:ro,z", "/b", "name:/b:ro,z"),
        ("/anon", "/anon", None),
    ],
)
def test_a_volume_flag_is_a_bind_or_an_anonymous_volume(text: str, target: str, bind: str | None) -> None:
    """The daemon tells names from paths."""
    assert bind_or_volume(text) == (target, bind)


def test_a_relative_source_is_this_side_s(monkeypatch: pytest.MonkeyPatch) -> None:
    """The daemon has another working directory."""
    monkeypatch.chdir("/usr")
    assert bind_or_volume("./x:/b")[1] == "/usr/x:/b"
    assert mount("type=bind,src=./x,dst=/b")["Source"] == "/usr/x"


@pytest.mark.parametrize("text", ["relative", ":/b", "/a:"])
def test_half_a_volume_is_refused(text: str) -> None:
    """Empty parts mean nothing."""
    with pytest.raises(CommandFailed):
        bind_or_volume(text)


def test_every_key_of_mount_has_its_place() -> None:
    """Of the three kinds."""
    assert mount("src=v,dst=/d,volume-nocopy,volume-subpath=s,volume-opt=o=1,volume-driver=local,volume-label=a=b") == {
        "Type": "volume",
        "Source": "v",
        "Target": "/d",
        "VolumeOptions": {
            "NoCopy": True,
            "Subpath": "s",
            "DriverConfig": {"Options": {"o": "1"}, "Name": "local"},
            "Labels": {"a": "b"},
        },
    }
    assert mount("type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=1777")["TmpfsOptions"] == {
        "SizeBytes": 1 << 20,
        "Mode": 0o1777,
    }
    bind = mount("type=bind,source=/s,target=/t,readonly=false,bind-propagation=rshared,bind-recursive=readonly")
    assert bind["ReadOnly"] is False
    assert bind["BindOptions"] == {"Propagation": "rshared", "ReadOnlyForceRecursive": True}


@pytest.mark.parametrize("text", ["type=bind,src=/a", "dst=/a,colour=red", "dst=/a,ro=perhaps", "dst=/a,loose"])
def test_what_is_not_understood_is_named(text: str) -> None:
    """And ends with 125."""
    with pytest.raises(CommandFailed, match="--mount") as caught:
        mount(text)
    assert caught.value.exit_code == 125


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("bind-idmap", {"Source": "match-user"}),
        ("bind-idmap=match-user:app", {"Source": "match-user", "User": "app"}),
        ("bind-idmap=userns", {"Source": "userns"}),
    ],
)
def test_whose_files_a_bind_shows(value: str, meant: dict[str, str]) -> None:
    assert mount(f"type=bind,source=/s,target=/t,{value}")["BindOptions"] == {"IDMapping": meant}


@pytest.mark.parametrize("value", ["root", "userns:app"])
def test_a_mapping_that_is_not_known_is_named(value: str) -> None:
    with pytest.raises(CommandFailed, match="bind-idmap is match-user, match-user:USER or userns"):
        mount(f"type=bind,source=/s,target=/t,bind-idmap={value}")
