"""Security options."""

import pytest

from engine.spec import security
from proto.errdefs import InvalidArgument
from tests.fakes.engine_room import host_config


def test_options_in_both_spellings() -> None:
    assert security.parse(["no-new-privileges"]).no_new_privileges is True
    assert security.parse(["no-new-privileges:false"]).no_new_privileges is False
    assert security.parse(["seccomp=unconfined"]).seccomp == "unconfined"
    assert security.parse(["label=disable", "apparmor=unconfined"]) == security.SecurityOptions()


@pytest.mark.parametrize("option", ["foo", "foo=bar", "apparmor=mine", "label=type:x", "systempaths=no"])
def test_what_is_not_built_is_refused_by_name(option: str) -> None:
    with pytest.raises(InvalidArgument, match=option):
        security.parse([option])


def test_hidden_paths() -> None:
    masked, readonly = security.hidden_paths(host_config(), security.SecurityOptions())
    assert "/proc/kcore" in masked
    assert "/proc/sys" in readonly
    assert security.hidden_paths(host_config(Privileged=True), security.SecurityOptions()) == ([], [])
    assert security.hidden_paths(host_config(), security.SecurityOptions(unmasked=True)) == ([], [])
    assert security.hidden_paths(host_config(MaskedPaths=[]), security.SecurityOptions())[0] == []
