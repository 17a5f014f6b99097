"""create, as far as it is words; the rest is in tests/integration/lowrt."""

import pytest

from lowrt.commands import create
from lowrt.errors import InvalidArgument
from tests.fakes.lowrt_containers import Stage, values


def test_options_become_a_request() -> None:
    words = ("--no-pivot", "--no-new-keyring", "--preserve-fds", "2", "--pidfd-socket", "/p", "-b", "/b", "c1")
    options, arguments = values(create.GRAMMAR, *words)
    request = create.request_from(options, arguments[0])
    assert (request.id, request.bundle, request.no_pivot, request.new_keyring) == ("c1", "/b", True, False)
    assert (request.preserve_fds, request.pidfd_socket) == (2, "/p")


def test_an_empty_id_is_refused_after_the_bundle_was_read(
    stage: Stage, tmp_path_factory: pytest.TempPathFactory
) -> None:
    bundle = tmp_path_factory.mktemp("bundle")
    (bundle / "config.json").write_text('{"process": {"args": ["x"], "cwd": "/"}}')
    options, arguments = values(create.GRAMMAR, "-b", str(bundle), "")
    with pytest.raises(InvalidArgument, match="container id cannot be empty"):
        create.run(stage.context(), options, arguments)
