"""`wherry ps`."""

import json
import time

import pytest

from engine.cli.commands.ps import ports
from tests.fakes.engine_http import FakeEngine
from tests.unit.engine.cli.conftest import Run

CONTAINER = {
    "Id": "a" * 64,
    "Image": "busybox",
    "Command": "sleep 1000000000000000000",
    "Created": 0,
    "Status": "Up 3 seconds",
    "State": "running",
    "Names": ["/web", "/other/alias"],
    "Ports": [{"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"}],
    "Labels": {"a": "b"},
    "Mounts": [{"Name": "v", "Driver": "local"}],
    "NetworkSettings": {"Networks": {"bridge": {}}},
    "SizeRw": 1000,
    "SizeRootFs": 2000,
}


def test_the_table_is_docker_s(engine: FakeEngine, run: Run) -> None:
    """Short id, short command, links left out of the names."""
    engine.answers["GET /containers/json"] = (200, [{**CONTAINER, "Created": time.time() - 5}])
    head, row = run("ps").output.splitlines()
    assert head.split("   ")[0] == "CONTAINER ID"
    assert row.startswith("a" * 12 + '   busybox   "sleep 1000000000000…"   5 seconds ago   Up 3 seconds')
    assert row.endswith("0.0.0.0:8080->80/tcp   web")


def test_flags_become_the_request(engine: FakeEngine, run: Run) -> None:
    """Only those that were given."""
    engine.answers["GET /containers/json"] = (200, [])
    run("ps", "-a", "-n", "3", "-f", "label=x", "-f", "label=y")
    assert engine.sent("GET", "/containers/json").query == {
        "all": ["1"],
        "limit": ["3"],
        "filters": [json.dumps({"label": ["x", "y"]})],
    }


def test_quiet_prints_ids_alone_and_in_full_when_asked(engine: FakeEngine, run: Run) -> None:
    """For scripts."""
    engine.answers["GET /containers/json"] = (200, [CONTAINER])
    assert run("ps", "-q").output == "a" * 12 + "\n"
    assert run("ps", "-q", "--no-trunc").output == "a" * 64 + "\n"


def test_every_column_can_be_asked_for(engine: FakeEngine, run: Run) -> None:
    """By docker's names."""
    engine.answers["GET /containers/json"] = (200, [CONTAINER])
    row = json.loads(run("ps", "--format", "json").output)
    assert row["Size"] == "1kB (virtual 2kB)"
    assert (row["Mounts"], row["LocalVolumes"], row["Networks"], row["Labels"]) == ("v", "1", "bridge", "a=b")


@pytest.mark.parametrize(
    ("listed", "text"),
    [
        ([], ""),
        ([{"PrivatePort": 80, "Type": "tcp"}], "80/tcp"),
        ([{"PrivatePort": 80, "Type": "tcp"}, {"PrivatePort": 81, "Type": "tcp"}], "80-81/tcp"),
        (
            [
                {"IP": "::", "PrivatePort": 80, "PublicPort": 80, "Type": "tcp"},
                {"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 80, "Type": "tcp"},
                {"IP": "0.0.0.0", "PrivatePort": 81, "PublicPort": 81, "Type": "tcp"},
            ],
            "0.0.0.0:80-81->80-81/tcp, [::]:80->80/tcp",
        ),
    ],
)
def test_neighbouring_ports_are_joined(listed: list[dict[str, object]], text: str) -> None:
    """Per address and protocol."""
    assert ports(listed) == text


def test_the_platform_is_that_of_the_image_s_manifest(engine: FakeEngine, run: Run) -> None:
    manifest = {"platform": {"architecture": "arm64", "os": "linux", "variant": "v8"}}
    engine.answers["GET /containers/json"] = (200, [{**CONTAINER, "ImageManifestDescriptor": manifest}, CONTAINER])
    assert run("ps", "--format", "{{.Platform}}").output.splitlines()[0] == "linux/arm64/v8"
    shown = [json.loads(line)["Platform"] for line in run("ps", "--format", "json").output.splitlines()]
    assert shown == [manifest["platform"], None]
