"""A container as it is remembered."""

import json

from engine.containers.model import Container, Health, Mount, State
from tests.fakes.engine_room import container

STATUSES = ("created", "running", "paused", "restarting", "removing", "exited", "dead")


def test_what_was_saved_comes_back_whole() -> None:
    """The document is JSON; mounts, state and health become objects again."""
    made = container(
        mounts=[Mount("volume", "/v/_data", "/data", "v", "local", "z", options=["nocopy"])],
        state=State("running", 7, health=Health("unhealthy", 3, [{"ExitCode": 1}])),
        shim_io=True,
        runtime="io.containerd.wherry.v2",
    )
    assert Container.from_json(json.loads(json.dumps(made.to_json()))) == made


def test_a_container_without_a_health_check_has_no_health_afterwards_either() -> None:
    """None is kept apart from a fresh verdict."""
    assert Container.from_json(container().to_json()).state.health is None


def test_running_is_what_dockerd_counts_and_alive_what_has_a_task() -> None:
    """A restarting container "runs" for ps and inspect, but there is nothing to signal."""
    assert {status for status in STATUSES if State(status).running} == {"running", "paused", "restarting"}
    assert {status for status in STATUSES if State(status).alive} == {"running", "paused"}


def test_a_mount_in_inspect_leaves_out_name_and_driver_where_there_are_none() -> None:
    """Only volumes have them."""
    assert Mount("bind", "/a", "/b", mode="ro", writable=False, propagation="rprivate").to_inspect() == {
        "Type": "bind",
        "Source": "/a",
        "Destination": "/b",
        "Mode": "ro",
        "RW": False,
        "Propagation": "rprivate",
    }
    volume = Mount("volume", "/v/_data", "/data", "v", "local", "z").to_inspect()
    assert list(volume) == ["Type", "Name", "Source", "Destination", "Driver", "Mode", "RW", "Propagation"]


def test_labels_are_a_mapping_even_where_the_client_sent_null() -> None:
    """Events and filters read them without asking."""
    made = container()
    made.config["Labels"] = None
    assert made.labels == {}


def test_a_hundred_thousand_labels_are_kept() -> None:
    """No limit of ours lies below the client's."""
    labels = {f"label-{number}": "x" * 10 for number in range(100_000)}
    made = container()
    made.config["Labels"] = labels
    assert Container.from_json(json.loads(json.dumps(made.to_json()))).labels == labels
