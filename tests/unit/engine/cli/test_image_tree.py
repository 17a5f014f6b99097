"""Images with their platforms below them."""

from typing import Any

from engine.cli.image_tree import rows_of
from tests.fakes.engine_http import FakeEngine
from tests.unit.engine.cli.conftest import Run

D = "sha256:" + "d" * 64


def variant(letter: str, architecture: str, *, here: bool = True, containers: list[str] | None = None) -> Any:
    size = {"Content": 1000, "Total": 3000} if here else {"Content": 0, "Total": 0}
    data = {"Platform": {"os": "linux", "architecture": architecture}, "Containers": containers or []}
    return {"ID": f"sha256:{letter * 64}", "Kind": "image", "Available": here, "Size": size, "ImageData": data}


ATTESTATION = {"ID": D, "Kind": "attestation", "Available": True, "Size": {"Content": 500, "Total": 500}}


def image(*manifests: Any, tags: tuple[str, ...] = ("a:1", "a:2")) -> Any:
    return {"Id": D, "RepoTags": list(tags), "Created": 0, "Size": 1, "Manifests": list(manifests)}


def test_names_stand_above_each_other_and_platforms_below(engine: FakeEngine, run: Run) -> None:
    manifests = (variant("a", "amd64", containers=["c"]), variant("b", "arm64"), variant("c", "s390x", here=False))
    engine.answers["GET /images/json"] = (200, [image(*manifests, ATTESTATION)])
    lines = [line.split() for line in run("images", "--tree").stdout.splitlines()]
    assert lines == [
        ["IMAGE", "ID", "DISK", "USAGE", "CONTENT", "SIZE", "EXTRA"],
        ["a:1"],
        ["a:2", "d" * 12, "6.5kB", "2.5kB", "U"],
        ["├─", "linux/amd64", "a" * 12, "3kB", "1kB", "U"],
        ["├─", "linux/arm64", "b" * 12, "3kB", "1kB"],
        ["└─", "linux/s390x", "c" * 12, "N/A", "N/A"],
    ]
    assert engine.sent("GET", "/images/json").query["manifests"] == ["1"]


def test_one_platform_needs_no_tree() -> None:
    (row,) = rows_of(image(variant("a", "amd64"), tags=()))
    assert (row["_name"], row["_extra"]) == ("<untagged>", "")


def test_the_flat_lists_flags_do_not_go_with_it(run: Run) -> None:
    result = run("images", "--tree", "-q")
    assert result.exit_code == 1
    assert "--tree goes with --all and --filter alone" in result.stderr
