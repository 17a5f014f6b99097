"""Git repositories: what the engine does not fetch. What it does: tests/integration/engine/builder/test_inputs.py."""

import pytest

from engine.builder import git
from engine.builder.git_address import Repository
from proto.errdefs import Unimplemented


@pytest.mark.parametrize("remote", ["ssh://h/x", "git@h:x", "file:///etc", "ext::sh -c id", "/etc/x.git"])
async def test_only_protocols_without_the_hosts_keys_and_files_are_spoken(remote: str) -> None:
    with pytest.raises(Unimplemented, match="the engine speaks"):
        async with git.checked_out(Repository(remote), "/nonexistent"):
            pass
