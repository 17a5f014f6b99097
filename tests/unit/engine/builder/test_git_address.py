"""Addresses of git repositories: what they mean, and what is never passed on to the program."""

import pytest

from engine.builder import git_address as git
from engine.builder.git_address import Repository
from proto.errdefs import InvalidArgument


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://h/x.git", Repository("https://h/x.git")),
        ("https://h/x.git#v1.0:sub/dir", Repository("https://h/x.git", "v1.0", "sub/dir")),
        ("https://h/x.git#:sub", Repository("https://h/x.git", "", "sub")),
        ("github.com/a/b#pull/1/head", Repository("https://github.com/a/b", "pull/1/head")),
        ("git@h:a/b.git#main", Repository("git@h:a/b.git", "main")),
    ],
)
def test_an_address_has_a_reference_and_a_folder(text: str, expected: Repository) -> None:
    assert git.parse(text) == expected
    assert git.is_context(text)


@pytest.mark.parametrize("text", ["https://h/x.tar.gz", "http://h/Dockerfile", ".", "github.com", "a@b", "dir:x"])
def test_other_things_are_no_repositories(text: str) -> None:
    assert not git.is_context(text)


def test_a_source_of_add_is_spelled_out() -> None:
    assert git.is_source("https://h/x.git#main")
    assert not git.is_source("github.com/a/b")


@pytest.mark.parametrize(
    "text",
    [
        *(
            "--upload-pack=touch /x",
            "-x",
            "https://-oProxyCommand=x/a.git",
            "ssh://-oProxyCommand=x/a",
            "https:///a.git",
        ),
        *("https://h/x.git#--upload-pack=x", "https://h/x.git#-b", "https://h/x.git#a..b", "https://h/x.git#a b"),
        *("https://h/x.git\n--foo", "https://h/x.git#x;y", "https://h/x.git#x.lock"),
    ],
)
def test_what_could_be_an_option_is_refused(text: str) -> None:
    """CVE-2019-13139."""
    with pytest.raises(InvalidArgument):
        git.parse(text)


def test_a_password_is_not_shown() -> None:
    assert git.parse("https://user:canary@h/x.git").shown == "https://xxxxx@h/x.git"
    assert "canary" not in Repository("git://u:canary@h/x").without_secrets("unable to look up u:canary@h (port 9418)")
    assert "canary" not in git.hidden("fatal: unable to access 'https://canary@h/x.git/': no")


def test_a_commit_that_is_known_is_what_is_fetched() -> None:
    commit = "a" * 40
    assert git.at(Repository("https://h/x.git"), commit).ref == commit
    assert git.at(Repository("https://h/x.git", "v1"), commit).ref == "v1"
    assert git.at(Repository("https://h/x.git"), "abc").ref == ""
