"""`wherry system df -v`."""

import json

from tests.fakes.engine_http import FakeEngine
from tests.unit.engine.cli.conftest import Run

USAGE = {
    "Images": [
        {
            "Id": "sha256:" + "a" * 64,
            "RepoTags": ["a:1", "b:2"],
            "Created": 0,
            "Size": 9000,
            "SharedSize": 4000,
            "Containers": 1,
        },
        {"Id": "sha256:" + "b" * 64, "RepoTags": [], "Created": 0, "Size": 1000, "SharedSize": -1, "Containers": 0},
    ],
    "Containers": [
        {
            "Id": "c" * 64,
            "Image": "a:1",
            "Command": "sh -c 'sleep 1000000000'",
            "Mounts": [{"Type": "volume", "Driver": "local", "Name": "data"}, {"Type": "bind", "Source": "/srv"}],
            "SizeRw": 3000,
            "SizeLogs": 50,
            "Created": 0,
            "State": "running",
            "Status": "Up 1 second",
            "Names": ["/web"],
        }
    ],
    "Volumes": [
        {
            "Name": "data",
            "Driver": "local",
            "Mountpoint": "/m",
            "Scope": "local",
            "UsageData": {"RefCount": 1, "Size": 7000},
        }
    ],
    "BuildCache": [
        {"ID": "k" * 20, "Type": "regular", "Size": 10, "CreatedAt": "2026-01-02T03:04:05Z", "UsageCount": 2}
    ],
}


def test_every_object_has_a_line(engine: FakeEngine, run: Run) -> None:
    engine.answers["GET /system/df"] = (200, USAGE)
    lines = [" ".join(line.split()) for line in run("system", "df", "-v").stdout.splitlines()]
    images = [line.rpartition(" ago ")[2] for line in lines if line.startswith(("a 1 ", "b 2 ", "<none>"))]
    assert images == ["9kB 4kB 5kB 1", "1kB N/A N/A 0"]
    assert any(line.startswith("cccccccccccc a:1 ") and " 1 3kB 50B " in line for line in lines)
    assert "data 1 7kB" in lines
    assert "Build cache usage: 10B" in lines


def test_machines_get_the_rows_of_all_four(engine: FakeEngine, run: Run) -> None:
    engine.answers["GET /system/df"] = (200, USAGE)
    for template in ("json", "{{json .}}"):
        found = json.loads(run("system", "df", "-v", "--format", template).stdout)
        assert {kind: len(rows) for kind, rows in found.items()} == {
            "Images": 2, "Containers": 1, "Volumes": 1, "BuildCache": 1,
        }  # fmt: skip
        assert found["Containers"][0]["LogsSize"] == "50B"
        assert found["Images"][0] | {"Repository": "a", "Tag": "1", "UniqueSize": "5kB"} == found["Images"][0]
    assert run("system", "df", "-v", "--format", "{{range .Volumes}}{{.Name}}{{end}}").stdout == "data\n"
    assert run("system", "df", "-v", "--format", "{{.X}}").exit_code == 1


def test_the_brief_table_counts_the_cache_and_what_is_shared_once(engine: FakeEngine, run: Run) -> None:
    engine.answers["GET /system/df"] = (200, USAGE | {"LayersSize": 6000})
    rows = {line[:13].strip(): line[13:].split() for line in run("system", "df").stdout.splitlines()[1:]}
    assert rows["Images"] == ["2", "1", "6kB", "1kB", "(16%)"]
    assert rows["Build Cache"] == ["1", "0", "10B", "10B"]
    assert rows["Logs"] == ["1", "1", "50B", "0B", "(0%)"]
