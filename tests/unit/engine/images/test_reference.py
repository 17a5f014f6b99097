"""Every spelling of an image name, against what the reference grammar of Docker makes of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.images import reference
from engine.images.reference import Reference
from proto.errdefs import InvalidArgument

HEX = "a" * 64
DIGEST = f"sha256:{HEX}"


@pytest.mark.parametrize(
    ("text", "full", "familiar"),
    [
        ("busybox", "docker.io/library/busybox", "busybox"),
        ("busybox:1.36", "docker.io/library/busybox:1.36", "busybox:1.36"),
        ("library/busybox", "docker.io/library/busybox", "busybox"),
        ("docker.io/busybox", "docker.io/library/busybox", "busybox"),
        ("index.docker.io/busybox", "docker.io/library/busybox", "busybox"),
        ("docker.io/library/busybox:latest", "docker.io/library/busybox:latest", "busybox:latest"),
        ("user/app", "docker.io/user/app", "user/app"),
        ("docker.io/a/b/c", "docker.io/a/b/c", "a/b/c"),
        ("library/a/b", "docker.io/library/a/b", "library/a/b"),
        ("localhost/app", "localhost/app", "localhost/app"),
        ("localhost:5000/app:x", "localhost:5000/app:x", "localhost:5000/app:x"),
        ("Registry/app", "Registry/app", "Registry/app"),
        ("gcr.io/a/b_c__d--e.f:V1_2", "gcr.io/a/b_c__d--e.f:V1_2", "gcr.io/a/b_c__d--e.f:V1_2"),
        ("[2001:db8::1]:5000/app", "[2001:db8::1]:5000/app", "[2001:db8::1]:5000/app"),
        (f"busybox@{DIGEST}", f"docker.io/library/busybox@{DIGEST}", f"busybox@{DIGEST}"),
        (f"busybox:1@{DIGEST}", f"docker.io/library/busybox:1@{DIGEST}", f"busybox:1@{DIGEST}"),
        ("deadbeef", "docker.io/library/deadbeef", "deadbeef"),
    ],
)
def test_each_legal_spelling_has_one_full_name_and_one_familiar_one(text: str, full: str, familiar: str) -> None:
    parsed = reference.parse(text)
    assert str(parsed) == full
    assert parsed.familiar == familiar


@pytest.mark.parametrize(
    "text",
    ["", ":latest", "/busybox", "busybox/", "a//b", "busybox:", "busybox@", "-a", "a-", "a..b", "a___b", "busybox:.x",
     "busybox latest", "busybox:latest\n", "busybox:" + "x" * 129, "https://docker.io/busybox", "a.b:port/c",
     "busybox@sha256:abc", "..", "/"],
)  # fmt: skip
def test_anything_else_is_an_invalid_reference(text: str) -> None:
    with pytest.raises(InvalidArgument, match=r"^invalid reference format$"):
        reference.parse(text)


def test_capitals_in_the_repository_get_advice_of_their_own() -> None:
    with pytest.raises(
        InvalidArgument, match=r"^invalid reference format: repository name \(library/Busybox\) must be lowercase$"
    ):
        reference.parse("Busybox:Latest")


def test_a_whole_image_id_is_no_repository_name() -> None:
    with pytest.raises(
        InvalidArgument, match=f"invalid repository name \\({HEX}\\), cannot specify 64-byte hexadecimal strings"
    ):
        reference.parse(HEX)


def test_the_path_may_have_255_characters_and_no_more() -> None:
    assert reference.parse("gcr.io/" + "a" * 255).path == "a" * 255
    with pytest.raises(InvalidArgument, match="must not be more than 255 characters"):
        reference.parse("gcr.io/" + "a" * 256)


@pytest.mark.parametrize(
    ("digest", "message"),
    [
        ("md5:" + "a" * 32, "unsupported digest algorithm"),
        ("sha256:" + "a" * 63, "invalid checksum digest length"),
        ("sha256:" + "A" * 64, "invalid checksum digest format"),
    ],
)
def test_a_digest_must_be_one_that_somebody_can_check(digest: str, message: str) -> None:
    assert not reference.is_digest(digest)
    with pytest.raises(InvalidArgument, match=message):
        reference.parse(f"busybox@{digest}")


def test_the_default_tag_is_added_only_where_nothing_was_said() -> None:
    assert reference.parse("a").with_default_tag().tag == "latest"
    assert reference.parse("a:b").with_default_tag().tag == "b"
    assert reference.parse(f"a@{DIGEST}").with_default_tag().tag == ""


def test_a_tag_with_a_slash_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="invalid tag format"):
        reference.parse("a").with_tag("b/c")


def test_a_stored_name_must_be_written_in_full() -> None:
    assert reference.parse_canonical("docker.io/library/a:b").tag == "b"
    with pytest.raises(InvalidArgument):
        reference.parse_canonical("a:b")


@pytest.mark.parametrize(
    ("text", "could_be"),
    [("a", True), ("sha256:abc", True), (HEX, True), (HEX + "a", False), ("xyz", False), ("sha256:", False)],
)
def test_an_id_is_recognised_by_its_letters(text: str, could_be: bool) -> None:
    assert reference.is_id_prefix(text) is could_be


component = st.from_regex(r"[a-z0-9]{1,5}([._-][a-z0-9]{1,5}){0,2}", fullmatch=True)


@given(
    domain=st.sampled_from(["docker.io", "localhost", "gcr.io", "127.0.0.1:5000", "[::1]:80"]),
    path=st.lists(component, min_size=2, max_size=4),
    tag=st.one_of(st.just(""), st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True)),
    digest=st.sampled_from(["", DIGEST]),
)
def test_a_reference_survives_being_written_in_full_and_familiarly(
    domain: str, path: list[str], tag: str, digest: str
) -> None:
    made = Reference(domain, "/".join(path), tag, digest)
    assert reference.parse(str(made)) == made
    assert reference.parse(made.familiar) == made


@given(st.text(max_size=80))
def test_any_text_is_either_a_reference_or_an_invalid_argument(text: str) -> None:
    try:
        parsed = reference.parse(text)
    except InvalidArgument:
        return
    assert reference.parse(str(parsed)) == parsed
    assert reference.parse(parsed.familiar) == parsed
