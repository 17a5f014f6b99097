"""Mounts, planned."""

from pathlib import Path

import pytest

from engine.containers import mountpoints
from engine.containers.model import Container, Mount
from proto.errdefs import InvalidArgument
from tests.fakes.engine_room import Bench, config, container, host_config


def plan(
    bench: Bench, volumes: dict | None = None, other: Container | None = None, **changes: object
) -> dict[str, Mount]:
    found = mountpoints.plan(
        config(Volumes=volumes), host_config(**changes), bench.room.volumes, lambda name: other or container()
    )
    return {mount.destination: mount for mount in found}


async def test_binds_and_volumes(bench: Bench, tmp_path: Path) -> None:
    found = plan(bench, Binds=[f"{tmp_path}/new:/b:ro,rshared", "data:/d", "/anon"])
    assert (found["/b"].kind, found["/b"].writable, found["/b"].propagation) == ("bind", False, "rshared")
    assert (tmp_path / "new").is_dir()
    assert (found["/d"].name, found["/d"].anonymous) == ("data", False)
    assert found["/anon"].anonymous


async def test_what_the_image_declares_is_filled_unless_given(bench: Bench) -> None:
    found = plan(bench, {"/a": {}, "/b": {}}, Tmpfs={"/b": ""})
    assert found["/a"].anonymous
    assert found["/b"].kind == "tmpfs"


async def test_mounts_by_document(bench: Bench, tmp_path: Path) -> None:
    entries = [
        {
            "Type": "bind",
            "Source": str(tmp_path),
            "Target": "/b",
            "ReadOnly": True,
            "BindOptions": {"NonRecursive": True},
        },
        {"Type": "volume", "Source": "data", "Target": "/v", "VolumeOptions": {"NoCopy": True, "Labels": {"a": "b"}}},
        {"Type": "tmpfs", "Target": "/t", "TmpfsOptions": {"SizeBytes": 5, "Mode": 0o700}},
    ]
    found = plan(bench, Mounts=entries)
    assert found["/b"].options == ["nonrecursive"]
    assert bench.room.volumes.get("data").labels == {"a": "b"}
    assert found["/t"].options[-2:] == ["size=5", "mode=700"]


async def test_volumes_of_others(bench: Bench) -> None:
    other = container(mounts=[Mount("bind", "/x", "/y"), Mount("tmpfs", "", "/t")])
    found = plan(bench, other=other, VolumesFrom=["other:ro"])
    assert set(found) == {"/y"}
    assert not found["/y"].writable


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"Binds": ["/a:/b:xx"]}, "invalid mode: xx"),
        ({"Binds": ["/a:b"]}, "mount path must be absolute"),
        ({"Binds": ["a:/"]}, "destination can't be '/'"),
        ({"Binds": ["/a:/b:ro:z"]}, "invalid volume specification"),
        ({"Binds": ["/tmp:/x", "/etc:/x"]}, "Duplicate mount point: /x"),
        (
            {"Mounts": [{"Type": "bind", "Source": "/no/such", "Target": "/x"}]},
            "bind source path does not exist: /no/such",
        ),
        ({"Mounts": [{"Type": "bind", "Target": "/x"}]}, "field Source must not be empty"),
        ({"Mounts": [{"Type": "foo", "Target": "/x"}]}, "mount type unknown"),
        ({"Mounts": [{"Type": "image", "Target": "/x"}]}, "not built into this engine"),
        ({"Mounts": [{"Type": "volume"}]}, "field Target must not be empty"),
        ({"Mounts": [{"Type": "tmpfs", "Source": "x", "Target": "/x"}]}, "field Source must not be specified"),
        ({"Mounts": [{"Type": "volume", "Target": "/x", "VolumeOptions": {"Subpath": "a"}}]}, "Subpath is not built"),
        ({"Tmpfs": {"x": ""}}, "must be absolute"),
        ({"VolumesFrom": [":"]}, "malformed volumes-from"),
    ],
)
async def test_refusals(bench: Bench, changes: dict, words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        plan(bench, **changes)
