"""Platforms: spellings, and which image suits which machine."""

import pytest

from engine.images import platform
from engine.images.platform import Platform
from proto.errdefs import InvalidArgument


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("linux/amd64", Platform("linux", "amd64")),
        ("linux/x86_64", Platform("linux", "amd64")),
        ("linux/arm64/v8", Platform("linux", "arm64")),
        ("linux/aarch64", Platform("linux", "arm64")),
        ("linux/arm", Platform("linux", "arm", "v7")),
        ("linux/arm/6", Platform("linux", "arm", "v6")),
        ("arm64", Platform("linux", "arm64")),
        ("Linux/AMD64", Platform("linux", "amd64")),
        ('{"os":"linux","architecture":"arm64"}', Platform("linux", "arm64")),
    ],
)
def test_a_platform_has_many_spellings_and_one_meaning(text: str, expected: Platform) -> None:
    assert platform.parse(text) == expected


def test_the_operating_system_alone_means_this_machines_processor() -> None:
    assert platform.parse("linux").architecture == platform.host().architecture


@pytest.mark.parametrize("text", ["", "a/b/c/d", "linux/", "li nux/amd64", "{}", "{broken", '{"os":"linux"}'])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument):
        platform.parse(text)


def test_the_nearest_variant_suits_best_and_a_newer_one_not_at_all() -> None:
    machine = Platform("linux", "arm", "v7")
    assert machine.rank(Platform("linux", "arm", "v7")) == 0
    assert machine.rank(Platform("linux", "arm", "v6")) == 1
    assert machine.rank(Platform("linux", "arm", "v8")) is None


def test_a_64_bit_machine_runs_32_bit_images_if_there_is_nothing_better() -> None:
    assert Platform("linux", "amd64").rank(Platform("linux", "386")) == 10
    assert Platform("linux", "arm64").rank(Platform("linux", "arm", "v7")) is not None
    assert Platform("linux", "amd64").rank(Platform("linux", "arm64")) is None
    assert Platform("linux", "amd64").rank(Platform("windows", "amd64")) is None


def test_a_platform_is_written_with_slashes() -> None:
    assert str(Platform("linux", "arm", "v7")) == "linux/arm/v7"
    assert Platform("linux", "arm", "v7").to_proto().variant == "v7"
