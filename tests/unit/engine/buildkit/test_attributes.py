"""What a client asks of the frontend: taken into a request, or refused by name."""

import pytest

from engine.builder.request import Request
from engine.buildkit.attributes import Output, output, request
from engine.images import platform as platforms
from proto.errdefs import InvalidArgument, Unimplemented

IMAGE = Output("moby", {"name": "a,example.org/b:1"})


def _asked(**attributes: str) -> Request:
    return request({name.replace("_", "-"): value for name, value in attributes.items()}, IMAGE, ())


def test_the_prefixed_attributes_are_maps() -> None:
    made = request({"build-arg:A": "1", "build-arg:B": "", "label:l": "v", "target": "app"}, IMAGE, ())
    assert (made.arguments, made.labels, made.target) == ({"A": "1", "B": ""}, {"l": "v"}, "app")


def test_the_names_of_the_output_are_tags() -> None:
    assert [tag.familiar for tag in request({}, IMAGE, ()).tags] == ["a:latest", "example.org/b:1"]
    with pytest.raises(InvalidArgument, match="cannot contain a digest"):
        request({}, Output("moby", {"name": f"a@sha256:{'0' * 64}"}), ())


def test_an_image_comes_of_image_outputs_only() -> None:
    assert request({}, IMAGE, ()).store
    assert request({}, Output("image", {}), ()).store
    assert not request({}, Output("local", {}), ()).store
    assert not request({}, None, ()).store


def test_no_cache_is_for_all_or_for_stages() -> None:
    assert _asked(no_cache="").no_cache
    some = _asked(no_cache="Build, test")
    assert (some.no_cache, some.no_cache_stages) == (False, frozenset({"build", "test"}))
    assert not request({}, IMAGE, ()).no_cache


def test_images_are_pulled_where_that_is_forced() -> None:
    assert _asked(image_resolve_mode="pull").pull
    assert not _asked(image_resolve_mode="local").pull
    assert not _asked(image_resolve_mode="default").pull


def test_what_containers_get_is_a_host_config() -> None:
    made = _asked(
        add_hosts="a=1.2.3.4,b=::1",
        shm_size="1048576",
        ulimit="nofile=10:20,nproc=5",
        cgroup_parent="/x",
        force_network_mode="none",
    )
    assert made.host_config == {
        "ExtraHosts": ["a:1.2.3.4", "b:::1"],
        "ShmSize": 1048576,
        "Ulimits": [{"Name": "nofile", "Soft": 10, "Hard": 20}, {"Name": "nproc", "Soft": 5, "Hard": 5}],
        "CgroupParent": "/x",
        "NetworkMode": "none",
    }


@pytest.mark.parametrize(
    "attributes",
    [
        {"shm-size": "x"},
        {"ulimit": "nofile=a"},
        {"ulimit": "nofile"},
        {"force-network-mode": "bridge"},
        {"cache-imports": "{"},
        {"cache-imports": "[1]"},
        {"platform": "a/b/c/d/e"},
    ],
)
def test_nonsense_is_an_argument_that_is_wrong(attributes: dict[str, str]) -> None:
    with pytest.raises(InvalidArgument):
        request(attributes, IMAGE, ())


def test_caches_are_images_wherever_they_are_named() -> None:
    listed = '[{"Type": "registry", "Attrs": {"ref": "b"}}]'
    made = request({"cache-from": "a", "cache-imports": listed}, IMAGE, [("registry", {"ref": "c"})])
    assert made.cache_from == ("a", "b", "c")
    with pytest.raises(Unimplemented, match="type=local"):
        request({}, IMAGE, [("local", {"src": "x"})])


def test_images_by_name_are_contexts_and_folders_are_the_sessions() -> None:
    made = request({"context:Base": "docker-image://busybox:1", "context:src": "local:src"}, IMAGE, ())
    assert made.contexts == {"base": "busybox:1"}


def test_one_platform_of_this_machines_kind() -> None:
    assert _asked(platform=str(platforms.host())).platform == platforms.host()
    with pytest.raises(Unimplemented, match="several platforms"):
        _asked(platform="linux/amd64,linux/arm64")
    with pytest.raises(Unimplemented, match="no emulation"):
        _asked(platform="linux/s390x")


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"multi-platform": "true"}, "multi-platform=true"),
        ({"hostname": "x"}, "hostname=x"),
        ({"quite-new": "1"}, "quite-new=1"),
        ({"attest:sbom": "generator=x"}, "--sbom=false"),
        ({"source": "example.org/frontend:1"}, "example.org/frontend:1"),
    ],
)
def test_what_is_not_known_is_refused_by_name(attributes: dict[str, str], words: str) -> None:
    with pytest.raises(Unimplemented, match=words):
        request(attributes, IMAGE, ())


@pytest.mark.parametrize(
    "attributes",
    [
        {"multi-platform": "false"},
        {"attest:provenance": "disabled=true"},
        {"source": "docker/dockerfile:1.7@sha256:abc", "cmdline": "docker/dockerfile:1.7"},
        {"source": "docker/dockerfile"},
        {"vcs:source": "https://x", "local-sessionid:context": "s", "contextsubdir": "a", "frontend.caps": "x"},
    ],
)
def test_what_asks_for_nothing_else_is_taken(attributes: dict[str, str]) -> None:
    assert request(attributes, IMAGE, ()).steps


def test_there_is_one_output_or_none() -> None:
    assert output([]) is None
    assert output([Output("", {})]) is None
    assert output([IMAGE]) is IMAGE
    with pytest.raises(Unimplemented, match="several outputs"):
        output([IMAGE, Output("local", {})])
    assert output([Output("image", {"push": "true", "oci-mediatypes": "false"})]) is not None
    with pytest.raises(Unimplemented, match="compression=zstd"):
        output([Output("image", {"compression": "zstd"})])
