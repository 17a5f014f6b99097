"""The functions of `--format` templates, and Go's notions of truth and text."""

import json
from collections.abc import Callable, Mapping
from typing import Any


class Stringer(dict[str, Any]):
    """A struct that has a text of its own, as Go's fmt.Stringer: `json` shows its members, a template its text."""

    def __init__(self, members: Mapping[str, Any], text: str) -> None:
        super().__init__(members)
        self.text = text


def is_true(value: Any) -> bool:
    """Go's truth: an empty string, list or map, zero, false and nil are not."""
    return bool(value)


def text_of(value: Any) -> str:
    """A value as Go's fmt prints it with %v."""
    if value is None:
        return "<no value>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + " ".join(_inner(item) for item in value) + "]"
    if isinstance(value, Stringer):
        return value.text
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{_inner(item)}" for key, item in sorted(value.items())) + "]"
    return str(value)


def _inner(value: Any) -> str:
    return "<nil>" if value is None else text_of(value)


def _json(value: Any) -> str:
    if isinstance(value, dict):  # a row has methods, too, and cells for the table alone
        value = {name: one for name, one in value.items() if not (callable(one) or name.startswith("_"))}
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _index(value: Any, *keys: Any) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else value[key]
    return value


def _truncate(value: str, length: int) -> str:
    return value[:length]


def _printf(form: str, *values: Any) -> str:
    pieces = form.replace("%v", "%s").replace("%q", '"%s"')
    return pieces % tuple(
        value if isinstance(value, int | float) and not isinstance(value, bool) else text_of(value) for value in values
    )


def _and(*values: Any) -> Any:
    return next((value for value in values if not is_true(value)), values[-1])


def _or(*values: Any) -> Any:
    return next((value for value in values if is_true(value)), values[-1])


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "json": _json,
    "join": lambda items, separator: separator.join(map(text_of, items or [])),
    "split": lambda text, separator: text.split(separator),
    "upper": lambda text: text_of(text).upper(),
    "lower": lambda text: text_of(text).lower(),
    "title": lambda text: text_of(text).title(),
    "pad": lambda text, before, after: " " * before + text_of(text) + " " * after,
    "truncate": _truncate,
    "len": len,
    "index": _index,
    "println": lambda *values: " ".join(map(text_of, values)) + "\n",
    "print": lambda *values: "".join(map(text_of, values)),
    "printf": _printf,
    "eq": lambda first, *others: any(first == other for other in others),
    "ne": lambda first, other: first != other,
    "lt": lambda first, other: first < other,
    "le": lambda first, other: first <= other,
    "gt": lambda first, other: first > other,
    "ge": lambda first, other: first >= other,
    "and": _and,
    "or": _or,
    "not": lambda value: not is_true(value),
}
