"""`wherry images`."""

import pytest

from tests.fakes.engine_http import FakeEngine
from tests.unit.engine.cli.conftest import Run

D = "sha256:" + "d" * 64


@pytest.mark.parametrize(
    ("tags", "digests", "flags", "rows"),
    [
        (["a:1", "a:2"], [], [], ["a 1", "a 2"]),
        ([], [], [], ["<none> <none>"]),
        (["<none>:<none>"], ["<none>@<none>"], [], ["<none> <none>"]),
        ([], [f"a@{D}"], [], ["a <none>"]),
        (["a:1"], [f"b@{D}"], [], ["a 1"]),
        (["a:1"], [f"b@{D}"], ["--digests"], ["a 1", "b <none>"]),
        (["r:5000/a:1"], [], [], ["r:5000/a 1"]),
    ],
)
def test_an_image_has_a_row_per_name(
    engine: FakeEngine, run: Run, tags: list[str], digests: list[str], flags: list[str], rows: list[str]
) -> None:
    """And one without a name still has one."""
    image = {"Id": D, "RepoTags": tags, "RepoDigests": digests, "Created": 0, "Size": 1}
    engine.answers["GET /images/json"] = (200, [image])
    assert run("images", *flags, "--format", "{{.Repository}} {{.Tag}}").output.splitlines() == rows


def test_quiet_prints_each_id_once(engine: FakeEngine, run: Run) -> None:
    """Also for an image with two names."""
    image = {"Id": D, "RepoTags": ["a:1", "a:2"], "RepoDigests": None, "Created": 0, "Size": 1}
    engine.answers["GET /images/json"] = (200, [image])
    assert run("images", "-q").output == "d" * 12 + "\n"
