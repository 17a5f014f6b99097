"""Types of config.json's fields."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lowrt.spec.model import SpecError
from lowrt.spec.schema import CONFIG, check_types


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "document: cannot use array where object is wanted"),
        ({"process": {"args": "sh"}}, "process.args: cannot use string where array is wanted"),
        ({"process": {"args": ["sh", 1]}}, "process.args: cannot use integer where string is wanted"),
        ({"process": {"user": {"uid": -1}}}, "process.user.uid: -1 is out of range (0 to 4294967295)"),
        ({"process": {"user": {"uid": 1 << 32}}}, "process.user.uid: 4294967296 is out of range (0 to 4294967295)"),
        ({"process": {"user": {"uid": True}}}, "process.user.uid: cannot use boolean where integer is wanted"),
        ({"root": {"path": "a\0b"}}, "root.path contains a null byte"),
        ({"mounts": [None]}, "mounts[0]: cannot use null where object is wanted"),
        ({"linux": {"sysctl": {"a": 1}}}, "linux.sysctl.a: cannot use integer where string is wanted"),
        ({"linux": {"resources": {"memory": {"limit": 1.5}}}}, "linux.resources.memory.limit: cannot use number"),
    ],
)
def test_a_wrong_type_is_named_with_its_place(document: object, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        check_types(document, CONFIG, "")
    assert message in str(caught.value)


def test_null_counts_as_absent_and_unknown_fields_are_ignored() -> None:
    check_types({"process": None, "linux": {"seccomp": None}, "vm": {"anything": 1}}, CONFIG, "")


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(CONFIG)), inner, max_size=3),
    max_leaves=12,
)


@settings(deadline=None, max_examples=60)  # the machine may be busy
@given(_json)
def test_any_document_passes_or_is_refused_in_one_sentence(document: object) -> None:
    try:
        check_types(document, CONFIG, "")
        message = ""
    except SpecError as error:
        message = str(error)
    assert "\n" not in message
