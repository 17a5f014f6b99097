"""Devices by name."""

import json
from pathlib import Path
from typing import Any

import pytest

from engine.spec import cdi
from proto.errdefs import InvalidArgument

GPU = {
    "cdiVersion": "0.6.0",
    "kind": "nvidia.com/gpu",
    "containerEdits": {"env": ["COMMON=1"]},
    "devices": [
        {"name": "0", "containerEdits": {"deviceNodes": [{"path": "/dev/null"}]}},
        {"name": "1", "containerEdits": {"env": ["ONE=1"]}},
        {"name": "all", "containerEdits": {"env": ["ALL=1"]}},
    ],
}


def folder(path: Path, *documents: Any) -> str:
    path.mkdir(exist_ok=True)
    for number, document in enumerate(documents):
        (path / f"{number}.json").write_text(json.dumps(document))
    return str(path)


def spec() -> dict[str, Any]:
    return {
        "process": {"env": ["PATH=/bin", "COMMON=0"], "user": {"uid": 0, "gid": 0}},
        "mounts": [{"destination": "/a", "source": "/old", "type": "bind", "options": []}],
        "linux": {"devices": [], "resources": {"devices": []}},
    }


def test_a_files_own_edits_come_once_and_first(tmp_path: Path) -> None:
    registry = cdi.load([folder(tmp_path, GPU)])
    found = cdi.edits(["nvidia.com/gpu=1", "nvidia.com/gpu=all"], registry)
    assert [change.get("env") for change in found] == [["COMMON=1"], ["ONE=1"], ["ALL=1"]]


def test_a_missing_device_is_named_and_so_is_what_was_not_read(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("kind: a/b")
    registry = cdi.load([folder(tmp_path, GPU), "/no/such/folder"])
    with pytest.raises(InvalidArgument, match=r"unresolvable CDI devices a.b/c=d \(files not read: .*x.yaml\)"):
        cdi.edits(["a.b/c=d"], registry)


def test_a_later_folder_goes_before_and_a_name_twice_in_one_is_nobodys(tmp_path: Path) -> None:
    early = {"kind": "a.b/c", "devices": [{"name": "d", "containerEdits": {"env": ["V=early"]}}]}
    late = {"kind": "a.b/c", "devices": [{"name": "d", "containerEdits": {"env": ["V=late"]}}]}
    registry = cdi.load([folder(tmp_path / "1", early), folder(tmp_path / "2", late)])
    assert cdi.edits(["a.b/c=d"], registry)[-1]["env"] == ["V=late"]
    registry = cdi.load([folder(tmp_path / "3", early, late)])
    assert not registry.devices


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        {"kind": "nope", "devices": []},
        {"kind": "a/b", "devices": [{}]},
        {"kind": "a/b", "devices": [{"name": "x", "containerEdits": {"intelRdt": {}}}]},
        {"kind": "a/b", "devices": [{"name": "x", "containerEdits": {"hooks": [{"hookName": "never"}]}}]},
        {"kind": "a/b", "devices": [None]},
    ],
)
def test_a_broken_file_is_passed_over(tmp_path: Path, document: Any) -> None:
    registry = cdi.load([folder(tmp_path, document)])
    assert not registry.devices
    assert registry.unread == [f"{tmp_path}/0.json"]


@pytest.mark.parametrize(
    ("request_", "wanted"),
    [
        ({"Driver": "cdi", "DeviceIDs": ["a.b/c=d"]}, ["a.b/c=d"]),
        ({"Count": -1, "Capabilities": [["gpu"]]}, ["nvidia.com/gpu=all"]),
        ({"Count": 2, "Capabilities": [["gpu"]]}, ["nvidia.com/gpu=0", "nvidia.com/gpu=1"]),
        (
            {"Driver": "nvidia", "DeviceIDs": ["1", "nvidia.com/gpu=0"], "Capabilities": [["gpu", "utility"]]},
            ["nvidia.com/gpu=1", "nvidia.com/gpu=0"],
        ),
    ],
)
def test_requests_become_names(tmp_path: Path, request_: dict[str, Any], wanted: list[str]) -> None:
    assert cdi.names([request_], cdi.load([folder(tmp_path, GPU)])) == wanted


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"Driver": "cdi", "Count": 1}, "unexpected count in CDI device request"),
        ({"Driver": "cdi", "Options": {"a": "b"}}, "unexpected options in CDI device request"),
        ({"Count": 1, "DeviceIDs": ["0"], "Capabilities": [["gpu"]]}, "cannot set both Count and DeviceIDs"),
        (
            {"Driver": "amd", "Capabilities": [["gpu"]]},
            r'could not select device driver "amd" with capabilities: \[\[gpu\]\]',
        ),
        ({"Capabilities": [["tpu", "x"]]}, r'could not select device driver "" with capabilities: \[\[tpu x\]\]'),
    ],
)
def test_requests_that_nobody_can_meet(tmp_path: Path, request_: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        cdi.names([request_], cdi.load([folder(tmp_path, GPU)]))


def test_gpus_without_a_file_for_them_are_refused_as_by_dockerd() -> None:
    with pytest.raises(InvalidArgument, match=r'could not select device driver "" with capabilities: \[\[gpu\]\]'):
        cdi.names([{"Count": -1, "Capabilities": [["gpu"]]}], cdi.load([]))


def test_a_node_is_the_hosts_and_admitted_by_the_cgroup(tmp_path: Path) -> None:
    made = spec()
    cdi.apply(made, cdi.edits(["nvidia.com/gpu=0"], cdi.load([folder(tmp_path, GPU)])))
    (node,) = made["linux"]["devices"]
    assert (node["path"], node["type"], node["major"], node["minor"]) == ("/dev/null", "c", 1, 3)
    assert made["linux"]["resources"]["devices"] == [
        {"allow": True, "type": "c", "major": 1, "minor": 3, "access": "rwm"}
    ]
    assert made["process"]["env"] == ["PATH=/bin", "COMMON=1"]
    assert "additionalGids" not in made["process"]["user"]


def test_a_node_that_is_not_there_is_an_error_unless_it_is_described(tmp_path: Path) -> None:
    nodes: list[dict[str, Any]] = [{"path": "/dev/no-such"}]
    document = {"kind": "a.b/c", "devices": [{"name": "d", "containerEdits": {"deviceNodes": nodes}}]}
    with pytest.raises(InvalidArgument, match="failed to stat CDI host device"):
        cdi.edits(["a.b/c=d"], cdi.load([folder(tmp_path, document)]))
    nodes[0] |= {"type": "c", "major": 9, "minor": 8, "permissions": "r"}
    made = spec()
    cdi.apply(made, cdi.edits(["a.b/c=d"], cdi.load([folder(tmp_path, document)])))
    assert made["linux"]["resources"]["devices"][0]["access"] == "r"


def test_mounts_hooks_and_groups() -> None:
    made = spec()
    change = {
        "mounts": [
            {"hostPath": "/x", "containerPath": "/a/b/c", "options": ["ro", "bind"]},
            {"hostPath": "/new", "containerPath": "/a", "type": "bind", "options": ["rbind"]},
        ],
        "hooks": [{"hookName": "createContainer", "path": "/bin/hook", "args": ["hook"], "extra": 1}],
        "additionalGids": [0, 44, 44],
    }
    cdi.apply(made, [change])
    assert [(entry["destination"], entry["source"]) for entry in made["mounts"]] == [("/a", "/new"), ("/a/b/c", "/x")]
    assert made["mounts"][1]["type"] == "bind"
    assert made["hooks"] == {"createContainer": [{"path": "/bin/hook", "args": ["hook"]}]}
    assert made["process"]["user"]["additionalGids"] == [44]


def test_full_names() -> None:
    assert cdi.is_qualified("vendor.com/class=a-b:0")
    assert not cdi.is_qualified("/dev/null")
    assert not cdi.is_qualified("a=b")
