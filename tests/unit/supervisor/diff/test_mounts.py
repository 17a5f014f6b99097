import os
from pathlib import Path

import pytest

from proto.errdefs import InvalidArgument
from supervisor.core.snapshots import Mount
from supervisor.diff import linux
from supervisor.diff.mounts import (
    bind_source,
    open_root,
    overlay_folders,
    parse_options,
    read_only_overlay,
    shorten_lowers,
)


def test_a_writable_overlay_has_its_folders() -> None:
    mount = Mount("overlay", "overlay", ("workdir=/w", "upperdir=/u", "lowerdir=/a:/b"))
    assert overlay_folders([mount]) == ("/u", ["/a", "/b"])
    assert overlay_folders([Mount("overlay", "overlay", ("lowerdir=/a:/b",))]) is None


def test_a_bind_has_its_source() -> None:
    assert bind_source([Mount("bind", "/s", ("rbind", "ro"))]) == "/s"
    assert bind_source([Mount("overlay", "overlay", ())]) is None


def test_a_bind_is_opened_where_it_lies(tmp_path: Path) -> None:
    fd = open_root([Mount("bind", str(tmp_path), ("rbind", "rw"))])
    assert os.readlink(f"/proc/self/fd/{fd}") == str(tmp_path)
    os.close(fd)


def test_options_are_flags_and_data() -> None:
    assert parse_options(["ro", "nosuid", "rw", "lowerdir=/a", "index=off"]) == (
        linux.MS_RDONLY | linux.MS_NOSUID,
        "lowerdir=/a,index=off",
    )
    with pytest.raises(InvalidArgument, match="loop"):
        parse_options(["loop"])


def test_reading_an_overlay_leaves_its_upperdir_to_others() -> None:
    options = read_only_overlay(("index=off", "workdir=/w", "upperdir=/u", "lowerdir=/a:/b"))
    assert options == ["index=off", "lowerdir=/u:/a:/b"]


def test_many_layers_are_named_from_a_folder_nearby() -> None:
    lowers = ":".join(f"/var/lib/x/snapshots/{n}/fs" for n in range(300))
    folder, data = shorten_lowers(f"index=off,lowerdir={lowers}")
    assert folder == "/var/lib/x/snapshots"
    assert data.startswith("index=off,lowerdir=0/fs:1/fs:")
    assert len(data) < 4000
