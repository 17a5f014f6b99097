"""state prints runc's document."""

import json

from lowrt.version import SPEC_VERSION
from tests.fakes.lowrt_containers import Stage, living_process
from tests.unit.lowrt.commands.conftest import Call


def test_byte_for_byte(stage: Stage, lowrt: Call) -> None:
    with living_process() as pid:
        stage.record("c1", pid=pid)
        _, out, _ = lowrt("state", "c1")
    assert out == (
        "{\n"
        f'  "ociVersion": "{SPEC_VERSION}",\n'
        '  "id": "c1",\n'
        f'  "pid": {pid},\n'
        '  "status": "running",\n'
        '  "bundle": "/bundle",\n'
        '  "rootfs": "/bundle/rootfs",\n'
        '  "created": "2026-01-02T03:04:05.6Z",\n'
        '  "owner": ""\n'
        "}"
    )


def test_a_stopped_container_has_no_pid(stage: Stage, lowrt: Call) -> None:
    stage.record("c1")
    assert json.loads(lowrt("state", "c1")[1])["pid"] == 0
