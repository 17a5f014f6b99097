"""Mounts, planned."""

from pathlib import Path

import pytest

from engine.containers import mountpoints
from engine.containers.model import Container, Mount
from proto.errdefs import InvalidArgument, NotFound
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
        ({"Mounts": [{"Type": "npipe", "Target": "/x"}]}, "not built into this engine"),
        ({"Mounts": [{"Type": "volume"}]}, "field Target must not be empty"),
        ({"Mounts": [{"Type": "tmpfs", "Source": "x", "Target": "/x"}]}, "field Source must not be specified"),
        ({"Mounts": [{"Type": "volume", "Target": "/x", "VolumeOptions": {"Subpath": "a"}}]}, "must not set Subpath"),
        (
            {"Mounts": [{"Type": "volume", "Source": "v", "Target": "/x", "VolumeOptions": {"Subpath": "a/../.."}}]},
            "subpath must be a relative path within the volume",
        ),
        ({"Tmpfs": {"x": ""}}, "must be absolute"),
        ({"VolumesFrom": [":"]}, "malformed volumes-from"),
    ],
)
async def test_refusals(bench: Bench, changes: dict, words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        plan(bench, **changes)


def refused(bench: Bench, words: str, **changes: object) -> None:
    """400, and why."""
    with pytest.raises(InvalidArgument) as caught:
        plan(bench, **changes)  # type: ignore[arg-type]
    assert words in str(caught.value)


async def test_paths_are_cleaned(bench: Bench, tmp_path: Path) -> None:
    """Two spellings of a place are one place."""
    assert plan(bench, Binds=[f"{tmp_path}/./x/..:/a//b/../c/"])["/a/c"].source == str(tmp_path)
    refused(bench, "Duplicate mount point: /a", Binds=[f"{tmp_path}:/a", f"{tmp_path}:/a/"])
    refused(bench, "destination can't be '/'", Binds=["/tmp:/a/.."])


async def test_a_volumes_mode_in_inspect_is_z_unless_given(bench: Bench) -> None:
    """As dockerd sets it for its local driver."""
    assert plan(bench, Binds=["cache:/data"])["/data"].mode == "z"
    found = plan(bench, Binds=["cache:/data:nocopy"])["/data"]
    assert (found.mode, found.options, found.driver) == ("nocopy", ["nocopy"], "local")


async def test_a_bind_is_private_unless_it_says_so(bench: Bench) -> None:
    """dockerd's default propagation."""
    assert plan(bench, Binds=["/tmp:/data"])["/data"].propagation == "rprivate"


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (":/data", "invalid volume specification: ':/data'"),
        ("/a:", "invalid volume specification: '/a:'"),
        ("a:b:c:d", "invalid volume specification: 'a:b:c:d'"),
        ("relative/path:/data", "includes invalid characters for a local volume name"),
        ("../escape:/data", "includes invalid characters for a local volume name"),
        ("..:/data", "includes invalid characters for a local volume name"),
        ("a\nb:/data", "includes invalid characters for a local volume name"),
    ],
)
async def test_binds_that_are_none(bench: Bench, spec: str, words: str) -> None:
    """No name leads out of the folder of volumes."""
    refused(bench, words, Binds=[spec])


@pytest.mark.parametrize("mode", ["ro,rw", "ro,ro", "z,Z", "shared,slave", "nocopy,nocopy"])
async def test_each_kind_of_mode_may_be_given_once(bench: Bench, mode: str) -> None:
    """linuxValidMountMode counts them."""
    refused(bench, f"invalid mode: {mode}", Binds=[f"/tmp:/data:{mode}"])


@pytest.mark.parametrize("mode", ["cached", "delegated", "consistent", "ro,cached"])
async def test_consistency_modes_are_taken_and_mean_nothing_on_linux(bench: Bench, mode: str) -> None:
    """Compose files written on a Mac carry them."""
    assert plan(bench, Binds=[f"/tmp:/data:{mode}"])["/data"].mode == mode


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"Type": "bind", "Source": "tmp", "Target": "/a"}, "invalid mount path: 'tmp' mount path must be absolute"),
        ({"Type": "bind", "Source": "/tmp", "Target": "a"}, "invalid mount path: 'a' mount path must be absolute"),
        ({"Type": "bind", "Source": "/tmp", "Target": "/"}, "destination can't be '/'"),
        (
            {"Type": "bind", "Source": "/tmp", "Target": "/a", "BindOptions": {"Propagation": "foo"}},
            "invalid propagation mode: foo",
        ),
        ({"Type": "image", "Target": "/a"}, "field Source must not be empty"),
        ({"Target": "/a"}, 'for type "": mount type unknown'),
        ({"Type": "bind", "Source": "/tmp", "Target": "/a", "Bogus": 1}, "Bogus is not built"),
    ],
)
async def test_mounts_that_are_none(bench: Bench, entry: dict, words: str) -> None:
    """Each refusal names the type first, as dockerd does."""
    with pytest.raises(InvalidArgument) as caught:
        plan(bench, Mounts=[entry])
    assert str(caught.value).startswith("invalid mount config for type")
    assert words in str(caught.value)


async def test_a_volume_driver_is_missed_only_where_it_would_make_a_volume(bench: Bench) -> None:
    entry = {"Type": "volume", "Source": "v", "Target": "/a", "VolumeOptions": {"DriverConfig": {"Name": "nfs"}}}
    with pytest.raises(NotFound, match='plugin nfs: plugin "nfs" not found'):
        plan(bench, Mounts=[entry])
    with pytest.raises(NotFound, match="plugin nfs"):
        plan(bench, Binds=["v:/a"], VolumeDriver="nfs")
    assert list(plan(bench, Binds=["/tmp:/a"], VolumeDriver="nfs")) == ["/a"]


async def test_a_missing_source_of_a_mount_is_made_where_it_says_so(bench: Bench, tmp_path: Path) -> None:
    """BindOptions.CreateMountpoint."""
    entry = {"Type": "bind", "Source": f"{tmp_path}/new", "Target": "/a", "BindOptions": {"CreateMountpoint": True}}
    assert plan(bench, Mounts=[entry])["/a"].source == f"{tmp_path}/new"
    assert (tmp_path / "new").is_dir()


async def test_what_the_image_declares_gives_way_to_what_was_given(bench: Bench) -> None:
    """Whichever way the path is spelled."""
    found = plan(bench, {"/data/": {}}, Binds=["/tmp:/data"])
    assert [mount.kind for mount in found.values()] == ["bind"]
    assert [volume.name for volume in bench.room.volumes.list()] == []


async def test_a_tmpfs_and_a_bind_at_one_place_are_one_too_many(bench: Bench) -> None:
    """moby issue 10618."""
    refused(bench, "Duplicate mount point: /a", Binds=["/tmp:/a"], Tmpfs={"/a": ""})


async def test_what_comes_from_others_gives_way_and_grows_no_rights(bench: Bench) -> None:
    """A read-only mount stays one, whatever the suffix says."""
    donor = container(mounts=[Mount("bind", "/conf", "/conf", writable=False), Mount("bind", "/x", "/own")])
    found = plan(bench, other=donor, VolumesFrom=["web:rw"], Binds=["/tmp:/own"])
    assert found["/conf"].writable is False
    assert found["/own"].source == "/tmp"


@pytest.mark.parametrize(("spec", "words"), [("web:shared", "invalid mode"), ("web:nocopy", "invalid mode")])
async def test_modes_that_do_not_go_with_volumes_of_others(bench: Bench, spec: str, words: str) -> None:
    """Propagation and copying are the other's."""
    refused(bench, words, VolumesFrom=[spec])


async def test_nobodys_volumes_are_a_bad_request(bench: Bench) -> None:
    """400, not 404: what was asked for is not what is missing."""

    def nobody(name: str) -> Container:
        raise NotFound(f"No such container: {name}")

    with pytest.raises(InvalidArgument, match="No such container: nope"):
        mountpoints.plan(config(), host_config(VolumesFrom=["nope"]), bench.room.volumes, nobody)
