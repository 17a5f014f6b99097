"""Docker's `filters` parameter: {"name": {"value": true}} or {"name": ["value"]}, and how each matches."""

from collections.abc import Iterable, Mapping

from engine import jsontext, patterns
from proto.errdefs import InvalidArgument


class Filters:
    """The parsed parameter."""

    def __init__(self, values: Mapping[str, list[str]] | None = None) -> None:
        self._values = dict(values or {})

    @classmethod
    def parse(cls, text: str | None, known: Iterable[str] | None = None) -> "Filters":
        """From the query; a name outside of `known` is refused."""
        if not text:
            return cls()
        try:
            document = jsontext.loads(text)
        except ValueError:
            raise InvalidArgument("invalid filter") from None
        if not isinstance(document, dict):
            raise InvalidArgument("invalid filter")
        values: dict[str, list[str]] = {}
        for name, given in document.items():
            if isinstance(given, dict):
                values[name] = [str(value) for value, wanted in given.items() if wanted]
            elif isinstance(given, list):
                values[name] = [str(value) for value in given]
            else:
                raise InvalidArgument("invalid filter")
        if known is not None:
            for name in values:
                if name not in known:
                    raise InvalidArgument(f"invalid filter '{name}'")
        return cls(values)

    def __contains__(self, name: object) -> bool:
        return bool(self._values.get(str(name)))

    def get(self, name: str) -> list[str]:
        """The values of one filter."""
        return self._values.get(name, [])

    def exact(self, name: str, value: str) -> bool:
        """No such filter, or one of its values is the value."""
        wanted = self.get(name)
        return not wanted or value in wanted

    def pattern(self, name: str, *values: str) -> bool:
        """No such filter, or one of its values, as a regular expression, is found in one of the values."""
        wanted = self.get(name)
        return not wanted or any(word in values or patterns.found(word, *values) for word in wanted)

    def labels_match(self, name: str, labels: Mapping[str, str]) -> bool:
        """Every `key` or `key=value` of the filter is there."""
        for word in self.get(name):
            key, equals, value = word.partition("=")
            if key not in labels or (equals and labels[key] != value):
                return False
        return True

    def boolean(self, name: str) -> bool | None:
        """A filter that is true or false; None when it was not given."""
        wanted = self.get(name)
        if not wanted:
            return None
        truth = {word.lower() in ("1", "true") for word in wanted}
        if len(truth) > 1 or any(word.lower() not in ("0", "1", "true", "false") for word in wanted):
            raise InvalidArgument(f"invalid filter '{name}=[{' '.join(wanted)}]'")
        return truth.pop()
