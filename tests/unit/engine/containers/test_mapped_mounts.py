"""BindOptions.IDMapping, and what is shown with other owners."""

import os
from pathlib import Path

import pytest

from engine.containers import mapped_mounts
from engine.containers.model import Mount
from proto.errdefs import InvalidArgument
from tests.fakes.engine_room import Bench, container


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        (None, ""),
        ({}, ""),
        ({"Source": "userns"}, "userns"),
        ({"Source": "match-user"}, "match-user"),
        ({"Source": "match-user", "User": "app:1"}, "match-user:app:1"),
    ],
)
def test_what_is_asked_for(asked: dict[str, str] | None, kept: str) -> None:
    assert mapped_mounts.parse(asked) == kept


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"Source": "root"}, 'invalid IDMapping source: "root"'),
        ({"User": "app"}, 'invalid IDMapping source: ""'),
        ({"Source": "userns", "User": "app"}, "IDMapping.User must not be set"),
        ({"Source": "userns", "UIDs": []}, "IDMapping.UIDs is not built"),
    ],
)
def test_what_cannot_be_is_refused_by_name(asked: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        mapped_mounts.parse(asked)


def test_a_user_namespace_that_is_not_there_is_not_followed() -> None:
    wanted = [Mount("bind", "/a", "/b", mapping="userns")]
    with pytest.raises(InvalidArgument, match="has no user namespace of its own"):
        mapped_mounts.check(container(mounts=wanted))
    mapped_mounts.check(container(mounts=wanted, id_map={"uids": [[0, 1, 2]], "gids": [[0, 1, 2]]}))


def test_volumes_are_mapped_and_folders_of_the_host_are_not() -> None:
    assert mapped_mounts.is_mapped(Mount("volume", "/v", "/b"))
    assert not mapped_mounts.is_mapped(Mount("volume", "/v", "/b", own_mount=True))
    assert not mapped_mounts.is_mapped(Mount("bind", "/v", "/b"))
    assert mapped_mounts.is_mapped(Mount("bind", "/v", "/b", mapping="userns"))


async def test_nothing_is_bound_again_without_a_reason(bench: Bench, tmp_path: Path) -> None:
    here = f"{os.getuid()}:{os.getgid()}"
    mounts = [Mount("volume", str(tmp_path), "/v"), Mount("bind", str(tmp_path), "/b", mapping=f"match-user:{here}")]
    live = await bench.create()
    live.container.mounts = mounts
    for number in range(2):
        await mapped_mounts.place(bench.room, live.container, number, None, live.mounts)
    assert [mount.bound for mount in mounts] == ["", ""]
