"""AppArmor profiles, on kernels that have the module and on others."""

from dataclasses import replace
from pathlib import Path

import pytest

from engine.spec import apparmor
from engine.spec.build import Host, apparmor_profile
from tests.fakes.engine_room import container, host_config


@pytest.fixture
def loaded(tmp_path: Path) -> str:
    """The kernel's list of profiles, with Docker's in it."""
    path = tmp_path / "profiles"
    path.write_text("/usr/bin/man (enforce)\ndocker-default (enforce)\nmy profile (complain)\n")
    return str(path)


@pytest.mark.parametrize(("text", "enabled"), [("Y\n", True), ("N\n", False), (None, False)])
def test_the_module_says_whether_it_runs(tmp_path: Path, text: str | None, enabled: bool) -> None:
    path = tmp_path / "enabled"
    if text is not None:
        path.write_text(text)
    assert apparmor.is_enabled(str(path)) is enabled


def test_what_is_loaded_is_listed_by_name_and_mode(loaded: str, tmp_path: Path) -> None:
    assert apparmor.is_loaded("docker-default", loaded)
    assert apparmor.is_loaded("my profile", loaded)
    assert not apparmor.is_loaded("docker", loaded)
    assert not apparmor.is_loaded("docker-default", str(tmp_path / "absent"))


@pytest.mark.parametrize(
    ("asked", "privileged", "profile"),
    [
        ("", False, "docker-default"),
        ("", True, "unconfined"),
        ("unconfined", False, "unconfined"),
        ("mine", False, "mine"),
        ("mine", True, "mine"),
    ],
)
def test_the_profile_is_the_one_asked_for_or_dockers(loaded: str, asked: str, privileged: bool, profile: str) -> None:
    assert apparmor.profile(asked, privileged=privileged, enabled=True, profiles=loaded) == profile
    assert apparmor.profile(asked, privileged=privileged, enabled=False, profiles=loaded) == ""


def test_dockers_default_is_taken_only_where_it_is_loaded(tmp_path: Path) -> None:
    """A profile that the kernel does not have would let nothing start."""
    assert apparmor.profile("", privileged=False, enabled=True, profiles=str(tmp_path / "absent")) == ""


def test_a_privileged_exec_is_unconfined_where_there_is_apparmor() -> None:
    made = replace(container(), host_config=host_config(SecurityOpt=["apparmor=mine"]))
    host = Host(apparmor=True)
    assert apparmor_profile(made, host) == "mine"
    assert apparmor_profile(made, host, privileged=True) == "unconfined"
    assert apparmor_profile(made, Host(), privileged=True) == ""
