"""What a container inherits."""

import copy

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


def test_an_image_that_says_nothing_changes_nothing() -> None:
    """FROM scratch."""
    own = config(Cmd=["ls"], Env=["A=1"])
    before = copy.deepcopy(own)
    merge.merge(own, {})
    assert own == before


def test_the_image_is_not_changed() -> None:
    """Many containers are made of it."""
    before = copy.deepcopy(IMAGE)
    done = merged(Env=["B=1"], Labels={"x": "y"})
    done["ExposedPorts"]["1/tcp"] = {}
    done["Labels"]["z"] = ""
    done["Healthcheck"]["Retries"] = 1
    assert before == IMAGE


def test_an_own_command_keeps_the_images_entrypoint() -> None:
    """`docker run image args`."""
    own = config(Cmd=["--help"])
    merge.merge(own, IMAGE)
    assert merge.command_line(own) == ("/entry", ["--help"])


def test_ports_and_volumes_are_joined() -> None:
    """EXPOSE and -p add up."""
    own = config(ExposedPorts={"81/tcp": {}}, Volumes={"/own": {}})
    merge.merge(own, IMAGE | {"Volumes": {"/image": {}}})
    assert set(own["ExposedPorts"]) == {"80/tcp", "81/tcp"}
    assert set(own["Volumes"]) == {"/own", "/image"}


def test_a_bare_name_keeps_the_images_variable_away() -> None:
    """`-e A` without a value in the client's environment."""
    assert merged(Env=["A"])["Env"] == ["A", "PATH=/bin"]


def test_a_health_check_may_be_switched_off_or_replaced() -> None:
    """NONE is a test of its own."""
    assert merged(Healthcheck={"Test": ["NONE"]})["Healthcheck"] == {"Test": ["NONE"]}
    assert merged(Healthcheck={"Test": ["CMD", "x"]})["Healthcheck"] == {"Test": ["CMD", "x"]}


def test_what_the_container_says_of_itself_goes_before_the_image() -> None:
    """Field by field."""
    done = merged(WorkingDir="/own", User="me", StopSignal="TERM", Shell=["ash"])
    assert (done["WorkingDir"], done["User"], done["StopSignal"], done["Shell"]) == ("/own", "me", "TERM", ["ash"])
