"""What a container inherits."""

import pytest

from engine.containers import merge
from proto.errdefs import InvalidArgument
from tests.fakes.engine_room import config

IMAGE = {
    "Cmd": ["serve"],
    "Entrypoint": ["/entry"],
    "Env": ["PATH=/bin", "A=image"],
    "Labels": {"from": "image", "both": "image"},
    "WorkingDir": "/srv",
    "User": "www",
    "StopSignal": "SIGUSR1",
    "ExposedPorts": {"80/tcp": {}},
    "Healthcheck": {"Test": ["CMD", "ok"], "Interval": 5},
}


def merged(**own: object) -> dict:
    done = config(Cmd=None, **own)
    merge.merge(done, IMAGE)
    return done


def test_what_is_not_given_comes_from_the_image() -> None:
    done = merged()
    assert merge.command_line(done) == ("/entry", ["serve"])
    assert (done["WorkingDir"], done["User"], done["StopSignal"]) == ("/srv", "www", "SIGUSR1")
    assert done["ExposedPorts"] == {"80/tcp": {}}


def test_an_own_entrypoint_drops_the_images_command() -> None:
    assert merge.command_line(merged(Entrypoint=["sh"])) == ("sh", [])


def test_an_empty_entrypoint_clears_the_images() -> None:
    done = config(Cmd=["ls"], Entrypoint=[""])
    merge.merge(done, IMAGE)
    assert merge.command_line(done) == ("ls", [])


def test_own_variables_come_first_and_win() -> None:
    assert merged(Env=["A=own"])["Env"] == ["A=own", "PATH=/bin"]


def test_labels_are_joined_and_own_ones_win() -> None:
    assert merged(Labels={"both": "own"})["Labels"] == {"from": "image", "both": "own"}


def test_a_health_check_without_a_test_changes_the_images() -> None:
    assert merged(Healthcheck={"Interval": 9})["Healthcheck"] == {"Test": ["CMD", "ok"], "Interval": 9}


def test_nothing_to_run_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="no command specified"):
        merge.command_line(config(Cmd=None))
