"""What is derived from an image's config and names."""

import hashlib

from engine.images.model import Descriptor, Image, Manifest, Name, chain_ids, truncate
from engine.images.reference import parse

TARGET = Descriptor("m", "sha256:" + "0" * 64, 1)


def image(config: dict[str, object], *names: str) -> Image:
    manifest = Manifest("sha256:m", "sha256:" + "c" * 64, config, ())
    return Image(manifest, tuple(Name(str(parse(name)), TARGET, parse(name)) for name in names))


def test_a_chain_id_is_the_digest_of_what_lies_below_and_the_layer() -> None:
    first, second = "sha256:" + "a" * 64, "sha256:" + "b" * 64
    joined = "sha256:" + hashlib.sha256(f"{first} {second}".encode()).hexdigest()
    assert chain_ids((first, second)) == (first, joined)
    assert chain_ids(()) == ()


def test_the_id_is_the_configs_digest() -> None:
    assert image({}).id == "sha256:" + "c" * 64
    assert image({}).short_id == truncate("sha256:" + "c" * 64) == "c" * 12


def test_tags_and_digests_are_told_apart() -> None:
    one = image({}, "b:1", "a", "a@sha256:" + "d" * 64)
    assert one.tags == ["a", "b:1"]
    assert one.digests == ["a@sha256:" + "d" * 64]


def test_an_image_without_layers_has_no_snapshot() -> None:
    assert image({}).top == ""
    assert image({"rootfs": {"diff_ids": ["sha256:x"]}}).top == "sha256:x"


def test_a_time_that_is_none_is_none() -> None:
    assert image({}).created_ns is None
    assert image({"created": "0001-01-01T00:00:00Z"}).created_ns is None
    assert image({"created": "yesterday"}).created_ns is None
    assert image({"created": "1970-01-01T00:00:01.5Z"}).created_ns == 1_500_000_000


def test_missing_parts_of_a_config_are_empty() -> None:
    assert image({"config": None}).labels == {}
    assert image({"config": {"Labels": None}}).labels == {}
    assert image({"config": {"Cmd": ["sh"]}}).container_config == {"Cmd": ["sh"]}
