"""Image documents by API version."""

from dataclasses import replace

import pytest

from engine.api.render import image as render
from engine.images.model import Descriptor, Image, Manifest, Name
from engine.images.reference import parse

TARGET = Descriptor("m", "sha256:" + "0" * 64, 1)


def image(*names: str, **config: object) -> Image:
    document = {
        "os": "linux",
        "architecture": "amd64",
        "rootfs": {"type": "layers", "diff_ids": ["sha256:a"]},
        **config,
    }
    manifest = Manifest("sha256:m", "sha256:" + "c" * 64, document, ())
    return Image(manifest, tuple(Name(str(parse(name)), TARGET, parse(name), 10**9) for name in names))


def test_a_summary_has_what_every_client_reads() -> None:
    assert render.summary(image("a:1", created="1970-01-01T00:00:05Z"), (1, 51), size=7, containers=2) == {
        "Id": "sha256:" + "c" * 64,
        "ParentId": "",
        "RepoTags": ["a:1"],
        "RepoDigests": [],
        "Created": 5,
        "Size": 7,
        "SharedSize": -1,
        "Labels": None,
        "Containers": 2,
        "Descriptor": {"mediaType": "m", "digest": "sha256:" + "0" * 64, "size": 1},
    }


def test_since_1_48_the_descriptor_says_what_the_name_leads_to() -> None:
    assert "Descriptor" not in render.summary(image("a:1"), (1, 47), size=7)
    assert render.inspect(image("a:1"), (1, 48), size=1, snapshotter="o")["Descriptor"]["digest"] == TARGET.digest
    assert render.target(image()) == {"mediaType": "", "digest": "sha256:m", "size": 0}


def test_older_clients_get_what_they_expect() -> None:
    old = render.summary(image(), (1, 41), size=7)
    assert (old["VirtualSize"], old["RepoTags"]) == (7, ["<none>:<none>"])
    assert old["RepoDigests"] == ["<none>@<none>"]
    assert render.summary(image(), (1, 43), size=7)["RepoTags"] == []


@pytest.mark.parametrize(
    ("version", "there", "gone"),
    [
        ((1, 41), ["VirtualSize", "Container", "ContainerConfig", "Parent", "GraphDriver", "Created"], []),
        ((1, 44), ["Container", "Parent", "GraphDriver"], ["VirtualSize", "Created"]),
        ((1, 51), ["Parent", "Comment", "GraphDriver"], ["Container", "ContainerConfig", "VirtualSize"]),
        ((1, 52), ["Id", "RootFS", "Metadata"], ["Parent", "Comment", "DockerVersion", "Author", "GraphDriver"]),
    ],
)
def test_an_inspection_has_the_fields_of_its_version(
    version: tuple[int, int], there: list[str], gone: list[str]
) -> None:
    document = render.inspect(image("a:1"), version, size=1, snapshotter="overlayfs")
    assert [key for key in there if key not in document] == []
    assert [key for key in gone if key in document] == []


def test_the_config_keeps_what_was_set_and_fills_in_what_old_clients_expect() -> None:
    one = image(config={"Cmd": ["sh"], "Hostname": "stale", "Labels": {}})
    assert render.container_config(one, (1, 52)) == {"Cmd": ["sh"]}
    assert render.container_config(one, (1, 51))["Env"] is None
    assert render.container_config(one, (1, 49))["Hostname"] == ""


def test_the_last_tag_time_is_the_newest_names() -> None:
    document = render.inspect(image("a:1"), (1, 51), size=1, snapshotter="x")
    assert document["Metadata"] == {"LastTagTime": "1970-01-01T00:00:01Z"}
    document = render.inspect(image(), (1, 51), size=1, snapshotter="x")
    assert document["Metadata"] == {"LastTagTime": "0001-01-01T00:00:00Z"}


def test_history_is_newest_first_and_empty_steps_weigh_nothing() -> None:
    steps = [
        {"created": "1970-01-01T00:00:01Z", "created_by": "ADD"},
        {"created_by": "ENV", "empty_layer": True, "comment": "c"},
        {"created_by": "COPY"},
    ]
    found = render.history(image("a:1", history=steps), [10, 20])
    assert [(step["CreatedBy"], step["Size"], step["Id"][:9]) for step in found] == [
        ("COPY", 20, "sha256:cc"),
        ("ENV", 0, "<missing>"),
        ("ADD", 10, "<missing>"),
    ]
    assert (found[0]["Tags"], found[1]["Tags"], found[1]["Comment"]) == (["a:1"], None, "c")
    assert render.history(image("a:1"), []) == []


@pytest.mark.parametrize(
    ("created_by", "words"),
    [
        ("/bin/sh -c #(nop)  VOLUME [/data]", ["/bin/sh", "-c", "#(nop)  VOLUME [/data]"]),
        ("|2 a=1 b=2 /bin/sh -c echo $a $b", ["|2", "a=1", "b=2", "/bin/sh", "-c", "echo $a $b"]),
        ("|x a=1", ["|x a=1"]),
        ("", []),
    ],
)
def test_a_command_of_the_history_has_its_arguments_before_it(created_by: str, words: list[str]) -> None:
    assert render._words(created_by) == words


def test_older_clients_see_the_container_that_an_image_of_ours_was_made_in() -> None:
    one = image("a:1", config={"Volumes": {"/data": {}}}, history=[{"created_by": "/bin/sh -c true"}])
    assert render.inspect(one, (1, 44), size=1, snapshotter="x")["ContainerConfig"]["Volumes"] is None
    built = replace(one, names=tuple(replace(name, parent="sha256:base") for name in one.names))
    made_by = render.inspect(built, (1, 44), size=1, snapshotter="x")["ContainerConfig"]
    assert (made_by["Volumes"], made_by["Cmd"]) == ({"/data": {}}, ["/bin/sh", "-c", "true"])
